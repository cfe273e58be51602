import type { ConnectOptions } from '../connect.options.js';
import type { ServerMessage } from '../protocol/messages.js';
import { PushError } from '../push-error.js';
import type { RequestMessage } from '../requests.js';

/** One connection over one protocol. After its end it is not used again. */
export interface Transport {
  send(message: RequestMessage): void;
  /** Closes the connection without calling `down`. */
  close(): void;
}

/** Where to connect, and as which user. */
export interface Destination {
  /**
   * The credentials of one request. A ticket works only once, and is part of the url.
   *
   * @throws PushError `UNAUTHENTICATED`, retryable, if the application fails to provide them, or only has the refused token
   */
  next(): Promise<{ readonly url: URL; readonly token: string | undefined }>;
  readonly options: ConnectOptions;
}

/** The events of a transport. */
export interface TransportEvents {
  /** Data arrived, even if it is not a message. */
  heard(): void;
  message(message: ServerMessage): void;
  /** The server set the retry delay, in milliseconds. */
  retry(milliseconds: number): void;
  /** The connection has ended without `close`. */
  down(end: End): void;
}

/** How a transport ended, and what the client should do. */
export interface End {
  /**
   * - `retry`: reconnect, over another transport if this one never works
   * - `wait`: reconnect later; the transport did not cause the end
   * - `authenticate`: reconnect with a new token
   * - `stop`: do not reconnect
   */
  readonly advice: 'retry' | 'wait' | 'authenticate' | 'stop';
  /** How long the server asked the client to wait, in milliseconds. */
  readonly delay?: number;
  /** The server is overloaded or failing, so the backoff keeps growing. */
  readonly later?: boolean;
  readonly error?: PushError;
}

/** Opens a transport. It MUST NOT call back before it has returned. */
export type OpenTransport = (destination: Destination, events: TransportEvents) => Transport;

/** The end of a connection that broke or never opened. A `PushError` as cause means missing credentials. */
export function broken(cause: unknown): End {
  return cause instanceof PushError
    ? { advice: 'wait', error: cause }
    : { advice: 'retry', error: new PushError('UNAVAILABLE', String(cause), true) };
}
