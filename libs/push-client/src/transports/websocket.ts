import type { WebSocketCloseCode } from '../protocol/connection.js';
import type { ServerMessage } from '../protocol/messages.js';
import { PushError } from '../push-error.js';
import { broken, type Destination, type End, type Transport, type TransportEvents } from './transport.js';
import type { WebSocketClass, WebSocketLike } from './websocket-class.js';

/** Close codes after which the client must not reconnect. See PROTOCOL.md, "Close codes". */
const final = new Set<WebSocketCloseCode>([1003, 1007, 1009, 4400, 4403]);

/** One WebSocket. */
export class WebSocketTransport implements Transport {
  #socket: WebSocketLike | undefined;
  #isClosed = false;

  constructor(
    destination: Destination,
    private readonly events: TransportEvents,
    WebSocket: WebSocketClass,
  ) {
    destination
      .next()
      .then(({ url, token }) => this.#isClosed || this.#open(url, token, WebSocket))
      // The constructor throws if the page may not connect to this URL.
      .catch((error: unknown) => this.#down(broken(error)));
  }

  send(message: object): void {
    this.#socket?.send(JSON.stringify(message));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
  }

  #open(url: URL, token: string | undefined, WebSocket: WebSocketClass): void {
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url.href);
    this.#socket = socket;
    socket.addEventListener('open', () => token && this.send({ event: 'authenticate', data: { token } }));
    socket.addEventListener('message', ({ data }) => {
      if (this.#isClosed) return;
      this.events.heard();
      this.events.message(JSON.parse(data as string) as ServerMessage);
    });
    socket.addEventListener('close', ({ code, reason }) => this.#down(endOf(code, reason)));
    // The event has no cause. `close` follows.
    socket.addEventListener('error', () => undefined);
  }

  #down(end: End): void {
    if (!this.#isClosed) this.events.down(end);
  }
}

function endOf(code: number, reason: string): End {
  const message = `WebSocket closed: ${code} ${reason}`;
  if (code === 4401) return { advice: 'authenticate', error: new PushError('UNAUTHENTICATED', message) };
  if (final.has(code as WebSocketCloseCode))
    return { advice: 'stop', error: new PushError('REFUSED', message) };
  return { ...broken(message), later: code === 1013 || code === 1011 };
}
