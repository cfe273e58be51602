import type { Entry } from './topic-history.js';

/** A place in a lane: an entry or, once that is gone, its sequence. */
export type Slot = Entry | number;

/** The entries of one retention rule, in log order. Each knows its place, so that it is let go of at once, wherever it is. */
export class Lane {
  /** From the index `start` on: what is before that is gone. */
  private slots: Slot[] = [];
  private start = 0;
  /** How many places there were before those of `slots`. */
  private base = 0;

  /** Places from the oldest entry on, those of entries that are gone included. */
  get length(): number {
    return this.slots.length - this.start;
  }

  /** The oldest entry. */
  get first(): Entry | undefined {
    return this.slots[this.start] as Entry | undefined;
  }

  at(index: number): Slot | undefined {
    return this.slots[this.start + index];
  }

  push(entry: Entry): void {
    entry.place = this.base + this.slots.length;
    this.slots.push(entry);
  }

  /** Lets go of an entry of this lane. */
  remove(entry: Entry): void {
    const { slots } = this;
    slots[entry.place - this.base] = entry.sequence;
    while (this.start < slots.length && typeof slots[this.start] === 'number') this.start++;
    // To copy once half of the array is unused makes the cost constant on average.
    if (this.start < 16 || this.start * 2 < slots.length) return;
    this.slots = slots.slice(this.start);
    this.base += this.start;
    this.start = 0;
  }

  /** Drops the places of entries that are gone. O(n). */
  clean(): void {
    const entries = this.slots.filter((slot) => typeof slot !== 'number');
    this.slots = [];
    this.start = 0;
    for (const entry of entries) this.push(entry);
  }

  /** Index of the first place after `sequence`; `length` if there is none. */
  after(sequence: number): number {
    let low = this.start;
    let high = this.slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sequenceOf(this.slots[middle]!) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - this.start;
  }
}

/** The sequence of an item, or of one that is gone. */
export function sequenceOf(item: { readonly sequence: number } | number): number {
  return typeof item === 'number' ? item : item.sequence;
}
