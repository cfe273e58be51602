import { printPosition } from '../../contracts/position.js';
import type { CatchUpQueue } from './catch-up-queue.js';
import type { NodeLog } from './node-log.js';
import type { Track } from './track.js';

/** A cursor, as far as its position depends on it. */
interface Positioned {
  readonly main: Track;
  readonly catchUps: CatchUpQueue;
  readonly sequence: number;
  readonly isIdle: boolean;
  readonly isLive: boolean;
}

/** What a cursor reads. Without other topics, it reads the first ones that were asked for. */
function trackOf({ main, catchUps }: Pick<Positioned, 'main' | 'catchUps'>): Track {
  const { first } = catchUps;
  return first && (first.hasBegun || main.size === 0) ? first.track : main;
}

/** How far a cursor has read. */
export function sequenceOf(
  { main, catchUps, isIdle, isLive }: Omit<Positioned, 'sequence'>,
  log: NodeLog,
): number {
  const track = trackOf({ main, catchUps });
  if (track !== main) return track.sequence;
  if (isIdle) return log.window.head;
  return isLive ? Math.max(main.sequence, log.fanOut.delivered) : main.sequence;
}

/**
 * The id of the position up to which a connection has everything; `undefined` as long as the log is not known, and while the
 * connection is to be told of a gap, is sent state or waits for snapshots.
 */
export function positionOf({ main, catchUps, sequence }: Positioned, log: NodeLog): string | undefined {
  const { first } = catchUps;
  if (log.epoch === '' || !main.isResumable || !trackOf({ main, catchUps }).isResumable) return undefined;
  if (main.size > 0) return log.print(sequence);
  // Topics that have not begun do not say yet where they start.
  if (first ? first.isUnplaced : catchUps.size > 0) return undefined;
  return first?.unverified ? printPosition(first.unverified) : log.print(sequence);
}
