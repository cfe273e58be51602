import type { Connection } from '../../contracts/connection.js';
import type { PushError } from '../../contracts/errors.js';
import type { CatchUp } from './catch-up.js';
import type { CatchUpQueue } from './catch-up-queue.js';
import type { NodeLog } from './node-log.js';
import { Refreshes } from './refreshes.js';
import { SnapshotLoad } from './snapshot-load.js';
import type { Track } from './track.js';

/** The cursor that snapshots are loaded for. */
export interface SnapshotCursor {
  readonly connection: Connection;
  readonly catchUps: CatchUpQueue;
  readonly main: Track;
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

  constructor(
    private readonly log: NodeLog,
    private readonly cursor: SnapshotCursor,
  ) {
    this.refreshes = new Refreshes(log.snapshotInterval, (topics) => this.refresh(topics));
  }

  /** Loads what the topics of a catch-up start by. Other topics do not wait for it. */
  load(catchUp: CatchUp): void {
    const { snapshots, epoch } = this.log;
    if (epoch === '') return;
    const done = () => this.loaded(catchUp);
    catchUp.load = new SnapshotLoad(snapshots!, this.cursor.connection, catchUp.track.patterns, 0, done);
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
    const { onFailed } = catchUp.request.options;
    if (onFailed) onFailed(error);
    else cursor.end(error);
  }

  private refresh(topics: ReadonlySet<string>): void {
    this.cursor.change(() => {
      const { main, catchUps } = this.cursor;
      for (const track of [main, ...[...catchUps].map((each) => each.track)])
        track.await(
          [...track.all].filter(({ pattern, hasSnapshots }) => hasSnapshots && topics.has(pattern)),
        );
    });
  }
}
