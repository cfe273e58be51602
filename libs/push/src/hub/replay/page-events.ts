import type { LogEvent } from '../../contracts/event.js';
import { isRemoval } from '../../contracts/state.js';
import { encodingCost, type ReadResult } from '../window/entry-reader.js';
import type { Window } from '../window/window.js';

/** The events of a page after a position: as many as the limits allow, but at least one. */
export function cut(
  events: readonly LogEvent[],
  after: number,
  end: number,
  bytes: number,
  entries: number,
): ReadResult {
  const some: LogEvent[] = [];
  let taken = 0;
  let cost = 0;
  for (const event of events) {
    if (event.sequence <= after) continue;
    if (event.sequence > end) break;
    if (some.length > 0 && (taken >= bytes || some.length >= entries))
      return { events: some, through: some.at(-1)!.sequence, cost };
    some.push(event);
    cost += encodingCost(event);
    taken += event.data.length + event.topic.length;
  }
  return { events: some, through: end, cost };
}

/** Both lists up to `through`, in order. Of an event that is in both, the window's own is taken. */
export function mergeEvents(
  recent: readonly LogEvent[],
  older: readonly LogEvent[],
  through: number,
): LogEvent[] {
  const bySequence = new Map([...older, ...recent].map((event) => [event.sequence, event]));
  return [...bySequence.values()]
    .filter(({ sequence }) => sequence <= through)
    .sort((a, b) => a.sequence - b.sequence);
}

/**
 * Events of a page without those that a removal in the window has taken away. The backplane may not have deleted them yet, or the
 * page may have been read before.
 */
export function withoutRemoved(events: readonly LogEvent[], window: Window): readonly LogEvent[] {
  return events.filter(({ topic, sequence }) => {
    const first = window.historyOf(topic)?.entries.first;
    return !first || first.sequence <= sequence || !isRemoval(first);
  });
}
