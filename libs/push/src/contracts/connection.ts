import type { Batch } from './event.js';
import type { PushError } from './errors.js';
import type { GapNotice } from '../protocol/gap.js';

export type { TransportName } from '../protocol/connection.js';
export type { GapNotice, GapReason } from '../protocol/gap.js';

/**
 * Why a connection ended.
 *
 * - `client`: the client left
 * - `timeout`: it did not answer, or took nothing of what waited for it
 * - `drain`: the node shut down, and told it to come back elsewhere
 * - `error`: it was refused something, or had no right to be here any more
 * - `end`: the application's stream has ended
 */
export type DisconnectReason = 'client' | 'timeout' | 'drain' | 'error' | 'end';

/** How much work a client may cause: what its requests cost is spent from it. Live delivery never is. */
export interface WorkBudget {
  /** Counts work that was done. */
  spend(units: number): void;
  /** Milliseconds until more work may be done for this client; 0 when it may be done now. */
  readonly delay: number;
}

/**
 * One live reader, whatever carries it. The hub pushes into it; it never queues on its behalf.
 *
 * None of the methods may throw, call back into the hub synchronously, or block.
 */
export interface Connection {
  /** Unique within the application while the connection lives. */
  readonly id: string;
  /** Names the client in all its connections, one after the other: an event that excepts it is not sent on any of them. */
  readonly clientId?: string;
  /**
   * What reading the past for it is charged to. An exhausted budget delays, it never refuses. Connections
   * with the same one are one client's, and share its turns. Default: none, and no delay.
   */
  readonly budget?: WorkBudget;
  /**
   * Takes a batch, always. Returns `false` when the bytes now wait in this process: the hub then leaves the connection
   * alone until it is told `drained`. MUST then cause `drained` or the end of the connection, eventually.
   */
  write(batch: Batch): boolean;
  /** MUST be sent in order with the batches. Same meaning of the result as `write`. */
  gap(notice: GapNotice): boolean;
  /** Runs `run`; what it writes goes out in one write. Where it is missing, writes go out one by one. */
  together?(run: () => void): void;
  /** Ends the connection because of `error`. MUST lead to the hub's `leave`. */
  fail(error: PushError): void;
}
