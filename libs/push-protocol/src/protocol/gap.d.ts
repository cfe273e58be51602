/**
 * Why a reader cannot be given everything it asked for.
 *
 * - `malformed`: the id it resumes from is not an id of this server
 * - `epoch`: the id belongs to another log (a restart with the memory backplane, a flushed or replaced server)
 * - `future`: the id is ahead of the log
 * - `evicted`: retention dropped events before they were asked for
 * - `slow`: the reader was connected, but read so slowly that events were dropped before it took them
 */
export type GapReason = 'malformed' | 'epoch' | 'future' | 'evicted' | 'slow';

/** Tells a reader, in the stream and before anything newer, that events are missing. */
export interface GapNotice {
  readonly reason: GapReason;
  /** The reader's topics and patterns that are concerned, as it asked for them. */
  readonly topics: readonly string[];
  /** The position from which the stream goes on. A reader that resumes from it is not told again. */
  readonly id: string;
  /**
   * The topics are state topics: a reader forgets what it has of them, whatever its position, and gets all of it once more,
   * without ids. `id` is then where it was, so that one that is cut off meanwhile is told again.
   */
  readonly reset?: true;
  /**
   * A fresh snapshot of each topic follows, before anything else of them. `id` is where the reader was, or an id of no log, so
   * that one that is cut off meanwhile is told again.
   */
  readonly snapshot?: true;
}
