import { Batch, type LogEvent } from '../contracts/event.js';
import type { TopicSet } from './topic-set.js';

/** How often the clock is looked at while an audience is written to: a write costs microseconds. */
const writesBetweenClocks = 64;

/** Who an audience writes to. */
export interface Member {
  receive(batch: Batch): void;
}

/**
 * The connections that want the same topics, and so the same bytes: a batch is encoded once for all of them. Only those
 * that have everything up to now are members; the others catch up on their own and come back.
 */
export class Audience {
  readonly members = new Set<Member>();
  /** Cursors with these topics, members or not: an audience without any is dropped. */
  size = 0;
  private events: LogEvent[] = [];

  constructor(readonly topics: TopicSet) {}

  /** Takes an event for the next delivery. Returns whether it is the first one. */
  collect(event: LogEvent): boolean {
    // Overlapping patterns name an audience more than once for the same event, always in a row.
    if (this.events[this.events.length - 1] === event) return false;
    return this.events.push(event) === 1;
  }

  /** What was collected, for `deliver`. */
  take(): Batch {
    const batch = new Batch(this.events);
    this.events = [];
    return batch;
  }

  /** Writes to the members that `rest` still yields, until `deadline`. Returns whether it is done. */
  deliver(batch: Batch, rest: Iterator<Member>, deadline: number): boolean {
    for (let writes = 1; ; writes++) {
      const next = rest.next();
      if (next.done) return true;
      next.value.receive(batch);
      if (writes % writesBetweenClocks === 0 && performance.now() > deadline) return false;
    }
  }
}
