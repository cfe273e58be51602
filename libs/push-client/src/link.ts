import type { TransportName } from './protocol/connection.js';
import type { ServerMessage } from './protocol/messages.js';
import type { PushError } from './push-error.js';
import type { RequestMessage } from './requests.js';

/**
 * - `idle`: the client is `lazy`, and has not subscribed or published yet
 * - `connecting`: a connection is being opened
 * - `live`: connected
 * - `waiting`: not connected; the client will try again
 * - `closed`: closed by the application, or refused by the server; the client does not try again by itself
 */
export type Status = 'idle' | 'connecting' | 'live' | 'waiting' | 'closed';

/** A change of the status. */
export interface StatusChange {
  readonly status: Status;
  /** The transport of a live connection. */
  readonly transport?: TransportName;
  /** The id of a live connection, by which the server can exclude it (`except`). */
  readonly connection?: string;
  /** How long the client will wait, in milliseconds. */
  readonly retryIn?: number;
  /** Why the connection was lost or closed, if known; for a live connection, why it does not use a WebSocket. */
  readonly error?: PushError;
}

/** The connection to the server, either unshared or the one that the tabs share. */
export interface Link {
  /** Sends, if it is up. A new connection knows nothing of what was sent before: after `up` everything is sent again. */
  send(message: RequestMessage): void;
  /** Connects, also again after `rest`. */
  open(): void;
  /** Disconnects until `open`. */
  rest(change: StatusChange): void;
  /**
   * Retries now if it is not connected; otherwise checks now whether the connection is dead.
   *
   * @param anyway retry even if the server has refused, and with new credentials if they have changed
   */
  nudge(anyway?: boolean): void;
  /** The network is gone. */
  cut(): void;
}

/** Creates an unshared connection. `client` is the name that the client had on its previous connection. */
export type ConnectTo = (listener: LinkListener, client?: string) => Link;

/** The user of a link. */
export interface LinkListener {
  /** A new connection accepts messages. All subscriptions have to be sent again. */
  up(): void;
  /** @param refs the subscriptions that an answer is for, if not the one of its own `ref` */
  message(message: ServerMessage, refs?: readonly string[]): void;
  status(change: StatusChange): void;
}
