import type { Batch } from './event.js';
import type { PushError } from './errors.js';
import type { Principal } from './principal.js';
import type { GapNotice } from '../protocol/gap.js';

export type { TransportName } from '../protocol/connection.js';
export type { GapNotice, GapReason } from '../protocol/gap.js';

/**
 * Why a connection ended.
 *
 * - `client`: the client left
 * - `timeout`: it did not answer pings, or did not read what waited for it
 * - `drain`: the node shut down, and told it to come back elsewhere
 * - `age`: it had reached `limits.connectionAge`, and was told to come back, to whichever node
 * - `error`: it was refused, or an error ended it, such as lost rights or expired authentication
 * - `end`: the application's stream has ended, or all topics that it reads have
 */
export type DisconnectReason = 'client' | 'timeout' | 'drain' | 'age' | 'error' | 'end';

/** How much work a client's requests may cause. Live delivery is not charged to it. */
export interface WorkBudget {
  /** Counts work that was done. */
  spend(units: number): void;
  /** Milliseconds until more work may be done for this client; 0 when it may be done now. */
  readonly delay: number;
}

/**
 * A live reader, on any transport. The hub writes to it, and keeps no queue for it.
 *
 * None of the methods may throw, call back into the hub synchronously, or block.
 */
export interface Connection {
  /** Unique within the application while the connection lives. */
  readonly id: string;
  /** The same for all connections of one client, one after the other. An event that excepts it is sent on none of them. */
  readonly clientId?: string;
  /**
   * The budget for reading past events. When it is exhausted, reads are delayed but never refused. Connections that share a
   * budget share their turns too. Default: no budget, and no delay.
   */
  readonly budget?: WorkBudget;
  /** A reader of the library's own: statistics do not count it. Default: `false`. */
  readonly isInternal?: boolean;
  /** The principal that snapshots are loaded for. Default: none. */
  readonly principal?: Principal;
  /**
   * Takes a batch, always. Returns `false` when the bytes now wait in this process: the hub then leaves the connection
   * alone until it is told `drained`. MUST then cause `drained` or the end of the connection, eventually.
   *
   * @param isShared every live reader of the same topics gets this very batch, unless it missed something
   */
  write(batch: Batch, isShared?: boolean): boolean;
  /** MUST be sent in order with the batches. Same meaning of the result as `write`. */
  gap(notice: GapNotice): boolean;
  /** Calls `run`, and sends everything that it writes in one write. Without this method, writes are sent one by one. */
  together?(run: () => void): void;
  /** The hub has stopped reading some of its topics because of `error`. Without this method, the connection ends. */
  lost?(topics: readonly string[], error: PushError): void;
  /**
   * Topics that the connection reads by their names have ended: it was given everything of them, their ends last, and the hub
   * reads them no more. Without this method the hub goes on reading them.
   *
   * @param isLast the connection reads nothing any more
   */
  ended?(topics: readonly string[], isLast: boolean): void;
  /** Ends the connection because of `error`. MUST lead to the hub's `leave`. */
  fail(error: PushError): void;
}
