import type { ConnectOptions } from '../connect.options.js';
import type { ClientMessage, ServerMessage } from '../protocol.js';
import { PushError } from '../push-error.js';

/** One connection over one kind of carrier. It ends once, and never comes back. */
export interface Transport {
  send(message: ClientMessage): void;
  /** Ends it; `down` is not called. */
  close(): void;
}

/** Where to, and as whom. */
export interface Destination {
  /** Asked anew for each request: a ticket is good for one. The url carries the ticket. */
  credentials(): Promise<{ readonly url: URL; readonly token: string | undefined }>;
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
  /** Come back, come back with a new token, or stay away. */
  readonly advice: 'retry' | 'authenticate' | 'stop';
  /** The server asked to be left alone so long, in milliseconds. */
  readonly delay?: number;
  /** The server is in trouble: later each time. */
  readonly later?: boolean;
  readonly error?: PushError;
}

/** Opens a transport. It MUST NOT call back before it has returned. */
export type OpenTransport = (destination: Destination, events: TransportEvents) => Transport;

/** The end of a connection that just broke. */
export function broken(message: string): End {
  return { advice: 'retry', error: new PushError('UNAVAILABLE', message, true) };
}
