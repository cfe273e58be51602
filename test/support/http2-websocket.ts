import { once } from 'node:events';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
  OutgoingHttpHeaders,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { afterTest } from './cleanup.js';
import { WsClient } from './ws-client.js';

/** An extended CONNECT (RFC 8441), and what it was answered. */
export interface Connected {
  readonly stream: ClientHttp2Stream;
  readonly head: IncomingHttpHeaders & IncomingHttpStatusHeader;
}

/** Sends an extended CONNECT, and waits for nothing. */
export function requestWebSocket(
  session: ClientHttp2Session,
  path = '/push',
  headers: OutgoingHttpHeaders = {},
): ClientHttp2Stream {
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': path,
      'sec-websocket-version': '13',
      ...headers,
    },
    { endStream: false },
  );
  stream.on('error', () => undefined);
  afterTest(() => stream.destroy());
  return stream;
}

/** Sends an extended CONNECT, and waits for the head of its answer; rejects if there is none. */
export async function connectWebSocket(...request: Parameters<typeof requestWebSocket>): Promise<Connected> {
  const stream = requestWebSocket(...request);
  const unanswered = once(stream, 'close').then(() => {
    throw new Error(`The stream ended with ${stream.rstCode} and no answer.`);
  });
  const [head] = (await Promise.race([once(stream, 'response'), unanswered])) as [Connected['head']];
  return { stream, head };
}

/** `ws` puts itself on a socket after a handshake by this method, and so it can be put on a stream. */
interface OnAnySocket {
  setSocket(socket: Duplex, head: Buffer, options: { maxPayload: number }): void;
}

type MakeUnconnected = new (
  address: null,
  protocols: undefined,
  options: { autoPong: boolean; closeTimeout: number },
) => OnAnySocket & WebSocket;

/** A client of `ws` that speaks on `stream`. */
export function speakOn(stream: ClientHttp2Stream): WsClient {
  const socket = new (WebSocket as unknown as MakeUnconnected)(null, undefined, {
    autoPong: true,
    closeTimeout: 5_000,
  });
  const client = new WsClient(socket);
  Object.assign(socket, { _isServer: false });
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0 });
  return client;
}

/** Connects, and waits for the greeting. */
export async function openHttp2WebSocket(...request: Parameters<typeof requestWebSocket>): Promise<WsClient> {
  const { stream, head } = await connectWebSocket(...request);
  if (head[':status'] !== 200) throw new Error(`The server answered ${head[':status']}.`);
  const client = speakOn(stream);
  await client.until(() => client.messages.length > 0 || client.closed !== undefined);
  return client;
}
