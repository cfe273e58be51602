import { randomUUID } from 'node:crypto';
import type { PushEvent } from '../../bus/handled-events.js';
import type { Connection } from '../../contracts/connection.js';
import type { Batch } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import type { Hub } from '../../hub/hub.js';
import { Changes } from './changes.js';

/** How many events are remembered. Of more, the oldest are forgotten. */
const mostEvents = 100_000;

/** How many topics an error message names. */
const mostNamed = 12;

/** Everything that was published, as the log has it: reads all topics but the reserved ones. */
export class PublishedEvents implements Connection {
  readonly id = randomUUID();
  readonly isInternal = true;
  private readonly changes: Changes;
  private events: PushEvent[] = [];
  /** Those that a test has asked for one by one. */
  private readonly taken = new WeakSet<PushEvent>();

  constructor(hub: Hub, patience: number) {
    this.changes = new Changes(patience);
    hub.join(this).subscribe(['>'], 'earliest');
  }

  /** The first event of a pattern that was not taken before. It may be yet to come. */
  async next(pattern: string): Promise<PushEvent> {
    const missed = () => `Nothing ${this.isNew(pattern)}was published to ${pattern}. ${this.summary}`;
    const event = await this.changes.first(() => this.left(pattern)[0], missed);
    this.taken.add(event);
    return event;
  }

  /** All events of a pattern so far. */
  all(pattern: string): PushEvent[] {
    return this.events.filter(({ topic }) => covers(pattern, topic));
  }

  /** Those of them that were not taken. */
  left(pattern: string): PushEvent[] {
    return this.all(pattern).filter((event) => !this.taken.has(event));
  }

  write({ events }: Batch): boolean {
    for (const { id, topic, type, data, meta } of events)
      this.events.push({ id, topic, type, data: JSON.parse(data) as unknown, meta });
    if (this.events.length > mostEvents) this.events = this.events.slice(-mostEvents);
    this.changes.changed();
    return true;
  }

  gap(): boolean {
    return true;
  }

  fail(): void {
    // The node shuts down.
  }

  private isNew(pattern: string): string {
    return this.all(pattern).length > 0 ? 'more ' : '';
  }

  /** For error messages. */
  private get summary(): string {
    const counts = new Map<string, number>();
    for (const { topic } of this.events) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    if (counts.size === 0) return 'Nothing was published at all.';
    const named = [...counts].slice(0, mostNamed).map(([topic, count]) => `${topic} (${count})`);
    const rest = counts.size > named.length ? `, and ${counts.size - named.length} more topics` : '';
    return `Published so far: ${named.join(', ')}${rest}.`;
  }
}
