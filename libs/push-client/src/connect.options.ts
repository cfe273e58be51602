import type { TransportName } from './protocol/connection.js';
import type { QueueOptions } from './publisher.js';
import type { WebSocketClass } from './transports/websocket-class.js';

/** How a client connects. Everything has a default. */
export interface ConnectOptions {
  /**
   * What may carry the connection, in the order of preference. With one, the choice is fixed.
   * Default: `['websocket', 'sse']`; without a `WebSocket` (Node 20) `['sse']`.
   */
  readonly transports?: readonly TransportName[];
  /**
   * Gives the user's token. The client asks for it at each connect, and again before it expires; the connection is then
   * prolonged in place. The token is the first message of a WebSocket, and `Authorization: Bearer` with SSE. While the
   * function rejects, or gives a token that the server has refused, the client waits and asks again.
   */
  readonly token?: () => string | undefined | Promise<string | undefined>;
  /** Gives a one-time ticket, at each connect. It goes into the query, for servers that take no first message. */
  readonly ticket?: () => string | undefined | Promise<string | undefined>;
  /**
   * Whether the tabs of this origin share one connection: those that give the same name, url and transports. With `true` the name is
   * the url. Where a browser has no Web Locks (insecure origins), each has its own.
   * Default: `true`, but `false` with `token` or `ticket`: give the user's name then, so that tabs of two users do not share.
   */
  readonly tabs?: boolean | string;
  /**
   * Where the position is kept over a reload of the page: `sessionStorage`. Topics that are subscribed to again without
   * `from` then go on where the page was left. Default: nowhere, they begin `now`.
   */
  readonly storage?: PositionStorage;
  /** What may wait while there is no connection. */
  readonly queue?: QueueOptions;
  /**
   * Whether the client does nothing before something is subscribed to or published: importing a module that calls
   * `connect` is then harmless, also where a page is rendered on a server. Its status is `idle` until then.
   * Default: `false`, it connects at once.
   */
  readonly lazy?: boolean;
  /** Closes the client. */
  readonly signal?: AbortSignal;
  /**
   * Gets errors that no call can report: a handler that throws, a topic that the server refuses, and (once) a token that
   * SSE takes and no WebSocket does. Default: `console.error`.
   */
  readonly onError?: (error: unknown) => void;
  /**
   * How long connecting may take, in milliseconds, and, over SSE, the answer to what is published before it is sent again.
   * Default: 10,000.
   */
  readonly timeout?: number;
  /** Longest wait between two attempts, in milliseconds. Default: 30,000. */
  readonly maxRetryDelay?: number;
  /** How long SSE carries a connection before a WebSocket is tried again, in milliseconds; then twice as long. Default: 60,000. */
  readonly upgradeAfter?: number;
  /** The class of WebSockets. Default: the global one. */
  readonly webSocket?: WebSocketClass;
  /** For SSE. Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Further headers, with SSE. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether SSE sends cookies to another origin: `include`. Default: `same-origin`. */
  readonly credentials?: 'omit' | 'same-origin' | 'include';
}

/** What is used of a `Storage`. */
export interface PositionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}
