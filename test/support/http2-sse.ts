import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import { afterTest } from './cleanup.js';
import type { Connected } from './http2-websocket.js';
import { hasBegun, SseReader } from './sse-reader.js';

/** An event stream over HTTP/2, and the stream that carries it. */
export interface Http2Sse {
  readonly reader: SseReader;
  readonly stream: ClientHttp2Stream;
  readonly head: Connected['head'];
}

/** Asks for an event stream on a session, and waits until the server reads the log for it. */
export async function openHttp2Sse(
  session: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
): Promise<Http2Sse> {
  const stream = session.request({ ':path': path, accept: 'text/event-stream', ...headers });
  afterTest(() => stream.destroy());
  // As far as a body goes, a stream is what a response of HTTP/1.1 is.
  const reader = new SseReader(stream as unknown as IncomingMessage);
  const [head] = (await once(stream, 'response')) as [Connected['head']];
  await hasBegun(reader, `${path}: ${head[':status']}`);
  return { reader, stream, head };
}
