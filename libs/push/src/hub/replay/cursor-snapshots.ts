import type { Connection } from '../../contracts/connection.js';
import type { PushError } from '../../contracts/errors.js';
import type { CatchUp } from './catch-up.js';
import type { CatchUpQueue } from './catch-up-queue.js';
import type { NodeLog } from './node-log.js';
import { Refreshes } from './refreshes.js';
import { SnapshotLoad } from './snapshot-load.js';
import type { Track } from './track.js';

/** How many topics of a connection have their snapshots loaded, or waiting for it, at a time. */
export const mostLoaded = 8;

/** The cursor that snapshots are loaded for. */
export interface SnapshotCursor {
  readonly connection: Connection;
  readonly catchUps: CatchUpQueue;
  readonly main: Track;
  readonly isFull: boolean;
  /** Stops reading for `change`, and reads on. */
  change(change: () => void): void;
  /** Removes topics, while nothing is read. */
  remove(topics: readonly string[]): void;
  /** Without topics that have begun, it moves to the end of the log. */
  moveIfAtRest(): void;
  end(error: PushError): void;
}

/** The snapshots of one cursor: those that its topics start by, and those after gaps. Most cursors have none. */
export class CursorSnapshots {
  /** When fresh ones may be brought after gaps. */
  readonly refreshes: Refreshes;
  /** Catch-ups whose snapshots are loaded, or are and wait to be written, with the number of their topics. */
  private readonly active = new Map<CatchUp, number>();
  private count = 0;

  constructor(
    private readonly log: NodeLog,
    private readonly cursor: SnapshotCursor,
  ) {
    this.refreshes = new Refreshes(log.snapshotInterval, (topics) => this.refresh(topics));
  }

  /**
   * Loads what the topics of catch-ups start by, as many as there is room for: what is loaded is kept until its client takes it.
   * Other topics do not wait for it.
   */
  next(): void {
    const { snapshots, epoch } = this.log;
    const { catchUps, connection } = this.cursor;
    for (const catchUp of catchUps.unloaded) {
      const topics = catchUp.track.patterns;
      if (catchUp.load) continue;
      const isTooMuch = this.active.size > 0 && this.count + topics.length > mostLoaded;
      if (epoch === '' || this.cursor.isFull || isTooMuch) return;
      this.active.set(catchUp, topics.length);
      this.count += topics.length;
      const done = () => this.loaded(catchUp);
      catchUp.load = new SnapshotLoad(snapshots!, connection, topics, 0, done);
    }
  }

  /** A catch-up has begun: its snapshots are written. */
  began(catchUp: CatchUp): void {
    this.count -= this.active.get(catchUp) ?? 0;
    this.active.delete(catchUp);
    this.next();
  }

  /** Stops reading topics, because of `error`. */
  lose(topics: readonly string[], error: PushError): void {
    const { cursor } = this;
    cursor.remove(topics);
    if (cursor.connection.lost) cursor.connection.lost(topics, error);
    else cursor.end(error);
  }

  /** Nothing is loaded any more. */
  stop(): void {
    this.cursor.catchUps.cancel();
    this.active.clear();
    this.count = 0;
    this.refreshes.stop();
  }

  private loaded(catchUp: CatchUp): void {
    const { cursor } = this;
    const error = catchUp.load?.error;
    if (!error) {
      cursor.change(() => {
        cursor.moveIfAtRest();
        cursor.catchUps.settle();
      });
      return;
    }
    cursor.catchUps.drop(catchUp);
    this.began(catchUp);
    const { onFailed } = catchUp.request.options;
    if (onFailed) onFailed(error);
    else cursor.end(error);
  }

  private refresh(topics: ReadonlySet<string>): void {
    this.cursor.change(() => {
      const { main, catchUps } = this.cursor;
      const placed = [...catchUps].filter(({ isUnplaced }) => !isUnplaced);
      for (const track of [main, ...placed.map((each) => each.track)])
        track.await(
          [...track.all].filter(({ pattern, hasSnapshots }) => hasSnapshots && topics.has(pattern)),
        );
    });
  }
}
