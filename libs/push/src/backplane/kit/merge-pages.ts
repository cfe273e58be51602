import type { HistoryPage } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';

/** One page of several that were read with the same query but for its topics: as far as all of them come. */
export function mergePages(pages: readonly HistoryPage[], limit: number): HistoryPage {
  const through = Math.min(...pages.map((page) => page.through));
  const merged = new Map<number, LogEvent>();
  const lost = new Map<string, number>();
  for (const page of pages) {
    for (const event of page.events) if (event.sequence <= through) merged.set(event.sequence, event);
    for (const [topic, sequence] of page.lost) lost.set(topic, Math.max(sequence, lost.get(topic) ?? 0));
  }
  const events = [...merged.values()].sort((a, b) => a.sequence - b.sequence);
  const some = events.slice(0, limit);
  return { events: some, through: events.length > limit ? some.at(-1)!.sequence : through, lost };
}
