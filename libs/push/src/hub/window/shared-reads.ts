import { Batch, type LogEvent } from '../../contracts/event.js';
import { shared, type Stretch } from './stretch.js';

/** How many reads are remembered at most. */
const mostReads = 64;

/**
 * What was read of a log that has not changed since: in a storm of reconnects many ask for the same events, and get the
 * same bytes.
 */
export class SharedReads {
  private readonly reads = new Map<string, Stretch>();
  private readonly batches = new WeakMap<readonly LogEvent[], Batch>();

  /** What was read by that name, or is read now. */
  get(key: string, read: () => Stretch): Stretch {
    const known = this.reads.get(key);
    if (known) return known;
    if (this.reads.size === mostReads) this.clear();
    const stretch = read();
    this.reads.set(key, shared(stretch));
    this.batches.set(stretch.events, new Batch(stretch.events));
    return stretch;
  }

  /** Events as a batch: the same for all who have read them together. */
  batchOf(events: readonly LogEvent[]): Batch {
    return this.batches.get(events) ?? new Batch(events);
  }

  /** The log has changed. */
  clear(): void {
    if (this.reads.size > 0) this.reads.clear();
  }
}
