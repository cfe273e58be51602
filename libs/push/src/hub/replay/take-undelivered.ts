import type { LogEvent } from '../../contracts/event.js';
import type { Track } from './track.js';

/** How many undelivered events are taken at once. The others are read from the window later. */
const maxTaken = 1_000;

/**
 * Takes the next events of the log for a track before they are delivered: at most as many as it can look at in one go.
 *
 * @returns those that its topics bring, and how many were looked at
 */
export function takeUndelivered(
  track: Pick<Track, 'sequence' | 'topics'>,
  undelivered: Iterable<LogEvent>,
): { readonly events: readonly LogEvent[]; readonly cost: number } {
  const events: LogEvent[] = [];
  let cost = 0;
  for (const event of undelivered) {
    if (cost === maxTaken) break;
    cost++;
    if (event.sequence <= track.sequence) continue;
    track.sequence = event.sequence;
    if (track.topics.has(event.topic)) events.push(event);
  }
  return { events, cost };
}
