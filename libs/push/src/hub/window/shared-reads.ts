import { Batch, type LogEvent } from '../../contracts/event.js';
import { shared, type ReadResult } from './entry-reader.js';

/** How many reads are remembered. */
const maxReads = 64;

/**
 * Results of reads since the window last changed. When many clients reconnect at once, they ask for the same events, and
 * share the encoded bytes.
 */
export class SharedReads {
  private readonly reads = new Map<string, ReadResult>();
  private readonly batches = new WeakMap<readonly LogEvent[], Batch>();

  /** The result that is remembered under `key`; otherwise reads it now. */
  get(key: string, read: () => ReadResult): ReadResult {
    const known = this.reads.get(key);
    if (known) return known;
    if (this.reads.size === maxReads) this.clear();
    const result = read();
    this.reads.set(key, shared(result));
    this.batches.set(result.events, new Batch(result.events));
    return result;
  }

  /** Events as a batch: the same one for all readers of a shared result. */
  batchOf(events: readonly LogEvent[]): Batch {
    return this.batches.get(events) ?? new Batch(events);
  }

  /** Forgets all results: the window has changed. */
  clear(): void {
    if (this.reads.size > 0) this.reads.clear();
  }
}
