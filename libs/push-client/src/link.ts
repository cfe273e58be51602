import type { TransportName } from './protocol/connection.js';
import type { ServerMessage } from './protocol/messages.js';
import type { PushError } from './push-error.js';
import type { RequestMessage } from './requests.js';

/**
 * - `idle`: nothing was subscribed to or published yet, and the client is `lazy`
 * - `connecting`: on the way
 * - `live`: connected
 * - `waiting`: cut; it will try again
 * - `closed`: by the application, or because the server refused; it does not try again by itself
 */
export type Status = 'idle' | 'connecting' | 'live' | 'waiting' | 'closed';

/** A change of the status. */
export interface StatusChange {
  readonly status: Status;
  /** What carries a live connection. */
  readonly transport?: TransportName;
  /** The id of a live connection, by which the server can leave it out (`except`). */
  readonly connection?: string;
  /** How long it will wait, in milliseconds. */
  readonly retryIn?: number;
  /** Why it is cut or closed, where that is known; of a live connection, why it is not carried by a WebSocket. */
  readonly error?: PushError;
}

/** The way to the server: a connection of its own, or the one that the tabs share. */
export interface Link {
  /** Sends, if it is up. After a cut nothing of what was sent holds any more: everything is sent again after `up`. */
  send(message: RequestMessage): void;
  /** Begins, or comes back after `rest`. */
  open(): void;
  /** Lets go of everything until `open`. */
  rest(change: StatusChange): void;
  /**
   * Retries now if it is not connected; finds out now if it is dead.
   *
   * @param anyway also if the server has refused, and with new credentials if they have changed
   */
  nudge(anyway?: boolean): void;
  /** The network is gone. */
  cut(): void;
}

/** Makes a connection of its own. `client` is the name that the client had on the connection before. */
export type ConnectTo = (listener: LinkListener, client?: string) => Link;

/** The user of a link. */
export interface LinkListener {
  /** A new connection takes messages: everything has to be subscribed to again. */
  up(): void;
  /** @param refs the subscriptions that an answer is for, where its own `ref` does not say so */
  message(message: ServerMessage, refs?: readonly string[]): void;
  status(change: StatusChange): void;
}
