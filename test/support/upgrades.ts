import WebSocket, { type ClientOptions } from 'ws';
import { afterTest } from './cleanup.js';
import { as } from './roles.js';

/** The status of an upgrade: 101, or why not. */
export function statusOf(
  url: string,
  headers: Record<string, string> = as('ann').headers,
  options: ClientOptions = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const client = new WebSocket(url, { headers, ...options });
    afterTest(() => client.terminate());
    client.on('open', () => resolve(101));
    client.on('unexpected-response', (_, response) => resolve(response.statusCode!));
    client.on('error', reject);
  });
}

/** What the upgrade was answered, for a client that is not let in. */
export function refusal(url: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Record<string, unknown> }>(
    (resolve, reject) => {
      const client = new WebSocket(url, { headers });
      client.on('open', () => reject(new Error('It was let in.')));
      client.on('error', reject);
      client.on('unexpected-response', (_, response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: text ? JSON.parse(text) : {},
          }),
        );
      });
    },
  );
}
