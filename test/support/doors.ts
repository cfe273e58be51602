import type { RunningApp } from './start-app.js';
import { as } from './roles.js';
import { openSse } from './sse-reader.js';
import { openWs, type Message } from './ws-client.js';

/** A client's visit: what it was answered, and how it leaves. */
export interface Visit {
  /** `granted`, or the code of the refusal. */
  readonly answer: string;
  /** Whether the refusal says that the same may succeed later. */
  readonly retryable?: boolean;
  leave(): void;
}

/** The built-in ways to ask for topics. Each call is a connection of its own. */
export const doors: Readonly<
  Record<string, (app: RunningApp, topics: readonly string[], name?: string) => Promise<Visit>>
> = {
  'the WebSocket': async (app, topics, name = '') => {
    const client = await openWs(app.webSocketUrl(), as(name));
    const { event, code, retryable } = await client.subscribe([...topics]);
    return {
      answer: event === 'subscribed' ? 'granted' : (code as string),
      retryable: retryable as boolean | undefined,
      leave: () => client.socket.terminate(),
    };
  },

  'GET /push/events': async (app, topics, name = '') => {
    const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&');
    const headers = { ...as(name).headers, 'Push-Refusals': 'status' };
    const stream = await openSse(app.url(`/push/events?${query}`), { headers });
    const leave = () => stream.drop();
    if (stream.status === 200) {
      await stream.until(() => stream.body.includes('retry: '));
      return { answer: 'granted', leave };
    }
    const { code } = JSON.parse(await stream.untilEnd()) as { code: string };
    return { answer: code, retryable: stream.response.headers['retry-after'] !== undefined, leave };
  },

  'POST /push/events': async (app, topics, name = '') => {
    const stream = await openSse(app.url('/push/events'), {
      method: 'POST',
      headers: { ...as(name).headers, 'content-type': 'application/json' },
      body: JSON.stringify({ subscribe: [{ topics, ref: 'asked' }] }),
    });
    const answer = () =>
      stream.data.map((text) => JSON.parse(text) as Message).find(({ data }) => data.ref === 'asked');
    await stream.until(() => answer() !== undefined);
    const { event, data } = answer()!;
    return {
      answer: event === 'subscribed' ? 'granted' : (data.code as string),
      retryable: data.retryable as boolean | undefined,
      leave: () => stream.drop(),
    };
  },
};
