import type { ConnectOptions } from '../connect.options.js';
import { SseParser, type SseBlock } from './sse-parser.js';
import { broken, type End, type TransportEvents } from './transport.js';

/** Sends a request as the application wants it: with its headers, cookies and `fetch`, and with the user's token. */
export function request(
  { fetch: send = fetch, headers, credentials }: ConnectOptions,
  url: URL,
  token: string | undefined,
  init: RequestInit & { readonly headers: Readonly<Record<string, string>> },
): Promise<Response> {
  const authorization = token && { authorization: `Bearer ${token}` };
  return send(url, { ...init, headers: { ...init.headers, ...authorization, ...headers }, credentials });
}

/** Reads the blocks of a stream until it ends, or `signal` aborts. */
export async function readBlocks(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  events: Pick<TransportEvents, 'heard'>,
  onBlock: (block: SseBlock) => void,
): Promise<End> {
  const parser = new SseParser((block) => signal.aborted || onBlock(block));
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) return broken('The stream has ended.');
    events.heard();
    parser.push(decoder.decode(value, { stream: true }));
  }
}
