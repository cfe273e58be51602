import type { GapNotice } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import type { Codec } from '../contracts/event.js';
import type { ServerMessage } from './websocket.messages.js';

/**
 * How everything that a client is told looks as bytes. There is one value for each form of the protocol (PROTOCOL.md); a
 * client has one for its whole life. Every method returns whole blocks or frames, so that they may be written one after the
 * other in any order.
 */
export interface Dialect {
  /** Events. Clients with the same codec share the encoded bytes. */
  readonly events: Codec;
  /** Events are missing. It goes before anything newer. */
  gap(notice: GapNotice): Buffer;
  /** @param position the id up to which the client has everything; `undefined` where it has no place in the log */
  heartbeat(position: string | undefined): Buffer;
  /** The last thing that a client is told whose connection ends because of `error`. */
  error(error: PushError): Buffer;
  /** The last thing that a client is told by a node that shuts down. @param delay milliseconds until it should come back */
  drain(delay: number): Buffer;
  /**
   * The client gets these topics no more. A dialect without this ends the connection instead.
   *
   * @param isUndecided the client may ask for them again: the right to them could not be examined
   */
  revoked?(topics: readonly string[], isUndecided: boolean): Buffer;
  /** Any other message of PROTOCOL.md, in the dialects that consist of messages. */
  message?(message: ServerMessage): Buffer;
}
