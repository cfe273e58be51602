import { printPosition } from '../../contracts/position.js';
import type { NodeLog } from './node-log.js';
import type { Track } from './track.js';

/** An id of no log: a client that resumes from it is told of a gap, and begins again. */
const nowhere = printPosition({ epoch: 'none', sequence: 0 });

/** The id from which a client gets all that a track has not brought yet. If a gap is to be told first, it is told then. */
export function resumptionOf(
  { resumesFrom }: Pick<Track, 'resumesFrom'>,
  log: Pick<NodeLog, 'print'>,
): string {
  return resumesFrom === undefined ? nowhere : log.print(resumesFrom);
}
