import type { GapNotice } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import type { Codec } from '../contracts/event.js';
import type { ServerMessage } from './websocket.messages.js';

/**
 * Encodes everything that a client is told. There is one dialect for each form of the protocol (PROTOCOL.md), and a client
 * keeps its dialect for its whole life. Every method returns whole blocks or frames, which can be written in any order.
 */
export interface Dialect {
  /** Events. Clients with the same codec share the encoded bytes. */
  readonly events: Codec;
  /** A notice that events are missing. It has to be written before any newer event. */
  gap(notice: GapNotice): Buffer;
  /** A sign of life. @param position the id up to which the client has everything; `undefined` if it reads no log */
  heartbeat(position: string | undefined): Buffer;
  /** Whether clients may wait for heartbeats alone, so that they come also right after an event. Default: `false`. */
  readonly countsHeartbeats?: boolean;
  /** The last message on a connection that ends because of `error`. */
  error(error: PushError): Buffer;
  /** The last message to a client that should come back. @param delay milliseconds after which it should reconnect */
  drain(delay: number): Buffer;
  /**
   * Whether clients come back by themselves once the connection has ended, and lose nothing. Where they do not, it lasts however old
   * it is (`limits.connectionAge`). Default: `true`.
   */
  readonly reconnects?: boolean;
  /**
   * A notice that the client no longer gets these topics. In a dialect without it, the connection ends instead.
   *
   * @param isUndecided whether the client may ask for them again: its right to them could not be checked
   */
  revoked?(topics: readonly string[], isUndecided: boolean): Buffer;
  /**
   * The last block on a connection all of whose topics have ended, after the ends themselves. In a dialect without it the
   * connection goes on: its client may ask for other topics.
   */
  ended?(): Buffer;
  /** Any other message of PROTOCOL.md, in the dialects that consist of messages. */
  message?(message: ServerMessage): Buffer;
}
