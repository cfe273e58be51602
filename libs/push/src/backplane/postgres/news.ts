import { parsePosition, type Position } from '../../contracts/position.js';
import type { LogEvent } from '../../contracts/event.js';
import { Wake } from '../../postgres/wake.js';

/** How many batches of this node may wait for its reader. Those that are dropped are read like any others. */
const maxStored = 8;

/** What this node has stored with one call: events without a gap, the first one after `base`. */
export interface StoredBatch {
  readonly epoch: string;
  readonly base: number;
  readonly events: readonly LogEvent[];
}

/** What a notification of stored events says: the node that stored them, and the newest one's position. `appendFunction` writes it. */
const stored = /^n(\d+) (.*)$/;

/**
 * What the reader of a node waits for: the batches that the node has stored itself, which need not be read, and word that there is
 * something to read.
 */
export class News {
  private readonly wake: Wake;
  /** Whether there may be more in the log, without anybody knowing up to where. */
  private isUnknown = true;
  private newest: Position | undefined;
  private batches: StoredBatch[] = [];

  /** @param node the node's id, as the server writes it */
  constructor(
    private readonly node: string,
    signal: AbortSignal,
  ) {
    this.wake = new Wake(signal);
  }

  /** To be called when there may be more to read. */
  look(): void {
    this.isUnknown = true;
    this.wake.set();
  }

  /** To be called with each notification of stored events. Those of this node have no news: it gets them by `store`. */
  hear(payload: string): boolean {
    const [, node, position] = stored.exec(payload) ?? [];
    if (position === undefined) return false;
    if (node === this.node) return true;
    const newest = parsePosition(position);
    // Numbers of different logs cannot be compared.
    if (!newest || (this.newest && this.newest.epoch !== newest.epoch)) this.isUnknown = true;
    else this.newest = newest;
    this.wake.set();
    return true;
  }

  /** To be called with what this node has stored. */
  store(batch: StoredBatch): void {
    this.batches.push(batch);
    if (this.batches.length > maxStored) this.batches.shift();
    this.wake.set();
  }

  /** Takes the batch of this node that follows a position, if that is the next thing in the log. */
  take(epoch: string, last: number): StoredBatch | undefined {
    this.batches = this.batches.filter((batch) => batch.epoch === epoch && batch.base >= last);
    return this.batches[0]?.base === last ? this.batches.shift() : undefined;
  }

  /** How many entries there are to read after a position, before the next batch of this node: 0 for none, infinite if unknown. */
  countAfter(epoch: string, last: number): number {
    const next = this.batches[0];
    if (next) return next.base - last;
    const isMore =
      this.isUnknown || (this.newest && (this.newest.epoch !== epoch || this.newest.sequence > last));
    return isMore ? Infinity : 0;
  }

  /** To be called before reading: what is announced from now on may be missing from what is read. */
  clear(): void {
    this.isUnknown = false;
    this.newest = undefined;
  }

  /** Resolves when there is something new, or after that many milliseconds: then there may be. */
  async wait(milliseconds: number): Promise<void> {
    this.wake.clear();
    if (!(await this.wake.wait(milliseconds))) this.isUnknown = true;
  }
}
