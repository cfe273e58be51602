import type { TransportName } from './protocol/connection.js';
import type { QueueOptions } from './publisher.js';
import type { WebSocketClass } from './transports/websocket-class.js';

/** How a client connects. Every option has a default. */
export interface ConnectOptions {
  /**
   * The transports that the client may use, in the order of preference.
   * Default: `['websocket', 'sse']`; without a `WebSocket` (Node 20) `['sse']`.
   */
  readonly transports?: readonly TransportName[];
  /**
   * Returns the user's token. The client calls it for each connection, and again before the token expires, to extend the
   * connection. The token is the first message of a WebSocket, and `Authorization: Bearer` with SSE. While the function rejects,
   * or returns a token that the server has refused, the client waits and calls it again.
   */
  readonly token?: () => string | undefined | Promise<string | undefined>;
  /** Returns a one-time ticket for each connection. It is sent in the query, for servers that accept no first message. */
  readonly ticket?: () => string | undefined | Promise<string | undefined>;
  /**
   * Whether tabs of this origin with the same name, url and transports share one connection. With `true` the name is the url.
   * Without Web Locks (insecure origins) each tab has its own connection.
   * Default: `true`; `false` with `token` or `ticket`. Then give the user's name, so that tabs of two users do not share.
   */
  readonly tabs?: boolean | string;
  /**
   * Stores positions across reloads of the page, such as `sessionStorage`. Topics without `from` then resume where the page
   * left off. Default: none, so they begin `now`.
   */
  readonly storage?: PositionStorage;
  /** What may wait while there is no connection. */
  readonly queue?: QueueOptions;
  /**
   * Whether the client connects only at the first subscription or publish. Importing a module that calls `connect` is then
   * harmless, also when a server renders the page. The status is `idle` until then. Default: `false`, it connects at once.
   */
  readonly lazy?: boolean;
  /** Closes the client. */
  readonly signal?: AbortSignal;
  /**
   * Receives errors that no call can report: a handler that throws, a topic that the server refuses, and (once) a token that
   * works with SSE and with no WebSocket. Default: `console.error`.
   */
  readonly onError?: (error: unknown) => void;
  /**
   * How long connecting may take, in milliseconds. Over SSE also how long a publish waits for its answer before it is sent again.
   * Default: 10,000.
   */
  readonly timeout?: number;
  /** The longest wait between two attempts, in milliseconds. Default: 30,000. */
  readonly maxRetryDelay?: number;
  /** How long to use SSE before trying a WebSocket again, in milliseconds. The time doubles with each try. Default: 60,000. */
  readonly upgradeAfter?: number;
  /** The class of WebSockets. Default: the global one. */
  readonly webSocket?: WebSocketClass;
  /** The `fetch` that SSE uses. Default: the global one. */
  readonly fetch?: typeof fetch;
  /** More headers for SSE requests. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether SSE sends cookies to another origin: `include`. Default: `same-origin`. */
  readonly credentials?: 'omit' | 'same-origin' | 'include';
}

/** The methods of `Storage` that the client uses. */
export interface PositionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}
