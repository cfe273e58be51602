/** Of all queues without older items. Nothing is ever added to it. */
const none: never[] = [];

/**
 * A queue of items in the order of their sequences, which can be searched by sequence. `push` and `shift` take O(1) on
 * average, `after` takes O(log n).
 */
export class Deque<T extends { readonly sequence: number }> {
  /** The newest item. It is not in the array: most topics have one event, which needs none. */
  private newest: T | undefined;
  /** The others, from the index `start` on. */
  private older: T[] = none;
  private start = 0;

  get length(): number {
    return this.newest ? this.older.length - this.start + 1 : 0;
  }

  get first(): T | undefined {
    return this.at(0);
  }

  get last(): T | undefined {
    return this.newest;
  }

  at(index: number): T | undefined {
    const { older } = this;
    const place = this.start + index;
    if (place < older.length) return index < 0 ? undefined : older[place];
    return place === older.length ? this.newest : undefined;
  }

  push(item: T): void {
    const { newest, older } = this;
    this.newest = item;
    if (!newest) return;
    // The first push to an empty array reserves room for many items.
    if (older.length === 0) this.older = [newest];
    else older.push(newest);
  }

  shift(): T | undefined {
    const { older, newest } = this;
    if (older.length === 0) {
      this.newest = undefined;
      return newest;
    }
    const item = older[this.start]!;
    older[this.start++] = undefined as never;
    // To copy once half of the array is unused makes the cost of a shift constant on average, and frees the memory.
    if (this.start === older.length) this.setOlder(none);
    else if (this.start >= 16 && this.start * 2 >= older.length) this.setOlder(older.slice(this.start));
    return item;
  }

  /** Removes an item. It costs nothing at both ends; elsewhere, all items before it are moved. */
  remove(item: T): void {
    const { older, start } = this;
    if (this.first === item) this.shift();
    else if (this.newest === item) {
      this.newest = older.pop();
      if (older.length === start) this.setOlder(none);
    } else {
      const index = start + this.after(item.sequence) - 1;
      if (older[index] !== item) return;
      older.copyWithin(start + 1, start, index);
      this.shift();
    }
  }

  /** Index of the first item after `sequence`; `length` if there is none. */
  after(sequence: number): number {
    const { newest, older, start } = this;
    if (!newest || newest.sequence <= sequence) return this.length;
    let low = start;
    let high = older.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (older[middle]!.sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - start;
  }

  private setOlder(older: T[]): void {
    this.older = older;
    this.start = 0;
  }
}
