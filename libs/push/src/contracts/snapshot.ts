import type { WorkBudget } from './connection.js';
import type { PushError } from './errors.js';
import type { EventMeta } from './event-meta.js';
import type { LogEvent } from './event.js';
import type { Principal } from './principal.js';

/** The state of a topic as of a position of the log, from the application's database. */
export interface Snapshot {
  /** It is written as an event is: its data is the state, its sequence the position. It is in no log. */
  readonly event: LogEvent;
  /** Whether the state is as of exactly that position. Otherwise it may be newer. */
  readonly isExact: boolean;
}

/** The connection that a snapshot is for. */
export interface SnapshotReader {
  readonly id: string;
  readonly budget?: WorkBudget;
  readonly principal?: Principal;
}

/** What loads snapshots. */
export interface SnapshotSource {
  /** Whether there is a loader for a topic. A wildcard has none. */
  canLoad(topic: string): boolean;
  /**
   * Loads the state of a topic. Its position is taken first, so that all events after that may still follow.
   *
   * @param since the position has to be at least here: what came before is lost
   * @param done is called once, never before this returns, and not after the load was given up
   * @returns a function that gives it up
   */
  load(
    topic: string,
    reader: SnapshotReader,
    since: number,
    done: (result: Snapshot | PushError) => void,
  ): () => void;
}

/** The metadata of the event that carries a snapshot. Applications cannot publish it. */
export const snapshotMeta: EventMeta = Object.freeze({ $snapshot: true });

/** Whether it carries a snapshot, and is no event. */
export function isSnapshot({ meta }: { readonly meta?: EventMeta }): boolean {
  return meta?.$snapshot === true;
}
