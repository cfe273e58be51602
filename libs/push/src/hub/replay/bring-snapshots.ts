import { Batch, type LogEvent } from '../../contracts/event.js';
import type { Snapshot } from '../../contracts/snapshot.js';
import type { Track } from './track.js';
import { withoutId } from './without-id.js';

/** By event, so that all readers of a snapshot share its bytes. */
const batches = new WeakMap<LogEvent, Batch>();

/**
 * Moves a track on by snapshots of some of its topics: of each, the events after its position follow. Returns what is to be
 * written for that. Only the last one has an id, and only if a client that resumes from there loses nothing.
 *
 * @param isStart they are what their topics begin with
 */
export function bringSnapshots(track: Track, snapshots: readonly Snapshot[], isStart: boolean): Batch[] {
  const wanted = snapshots.filter(({ event }) => track.has(event.topic));
  if (wanted.length === 0) return [];
  const { sequence: reached } = track;
  // Other topics go on from where they are.
  let first = wanted.length === track.size ? Infinity : reached;
  let hidden = 0;
  for (const { event, isExact } of wanted) {
    const { sequence, topic } = event;
    track.subscriptions.get(topic)!.restart(sequence, isStart);
    first = Math.min(first, sequence);
    // A state that may be newer than its position takes events that it knows already. Any other must not meet them again.
    if (isStart || isExact) hidden = Math.max(hidden, sequence);
  }
  if (!isStart && first < reached) {
    const topics = new Set(wanted.map(({ event }) => event.topic));
    for (const each of track.all) if (!topics.has(each.pattern)) each.skip(reached);
    hidden = Math.max(hidden, reached);
  }
  track.restart(first, hidden);
  return wanted.map(({ event }, index) => {
    const isPosition = index === wanted.length - 1 && event.sequence === first && track.isResumable;
    return batchOf(isPosition ? event : withoutId(event));
  });
}

function batchOf(event: LogEvent): Batch {
  let batch = batches.get(event);
  if (!batch) batches.set(event, (batch = new Batch([event])));
  return batch;
}
