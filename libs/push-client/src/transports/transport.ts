import type { ConnectOptions } from '../connect.options.js';
import type { ServerMessage } from '../protocol/messages.js';
import { PushError } from '../push-error.js';
import type { RequestMessage } from '../requests.js';

/** One connection over one kind of carrier. It ends once, and never comes back. */
export interface Transport {
  send(message: RequestMessage): void;
  /** Ends it; `down` is not called. */
  close(): void;
}

/** Where to connect, and as which user. */
export interface Destination {
  /**
   * The credentials of one request: a ticket is good for one. The url carries the ticket.
   *
   * @throws PushError `UNAUTHENTICATED`, retryable, if the application fails, or has only the token that was refused
   */
  next(): Promise<{ readonly url: URL; readonly token: string | undefined }>;
  readonly options: ConnectOptions;
}

/** What a transport tells of. */
export interface TransportEvents {
  /** Anything came, also what is no message. */
  heard(): void;
  message(message: ServerMessage): void;
  /** The server says how long to wait before coming back, in milliseconds. */
  retry(milliseconds: number): void;
  /** It has ended by itself. */
  down(end: End): void;
}

/** How a transport ended, and what that asks for. */
export interface End {
  /**
   * - `retry`: come back, over another transport if this one never works
   * - `wait`: come back later; the transport is not to blame
   * - `authenticate`: come back with a new token
   * - `stop`: stay away
   */
  readonly advice: 'retry' | 'wait' | 'authenticate' | 'stop';
  /** The server asked to be left alone so long, in milliseconds. */
  readonly delay?: number;
  /** The server is in trouble: later each time. */
  readonly later?: boolean;
  readonly error?: PushError;
}

/** Opens a transport. It MUST NOT call back before it has returned. */
export type OpenTransport = (destination: Destination, events: TransportEvents) => Transport;

/** The end of a connection that broke, or never began: a `PushError` is for want of credentials. */
export function broken(cause: unknown): End {
  return cause instanceof PushError
    ? { advice: 'wait', error: cause }
    : { advice: 'retry', error: new PushError('UNAVAILABLE', String(cause), true) };
}
