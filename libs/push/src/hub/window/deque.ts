/**
 * A queue of items in the order of their sequences, which can be searched by sequence. `push` and `shift` take O(1) on
 * average, `after` takes O(log n).
 */
export class Deque<T extends { readonly sequence: number }> {
  private items: T[] = [];
  private start = 0;

  get length(): number {
    return this.items.length - this.start;
  }

  get first(): T | undefined {
    return this.items[this.start];
  }

  get last(): T | undefined {
    return this.length === 0 ? undefined : this.items[this.items.length - 1];
  }

  at(index: number): T | undefined {
    return this.items[this.start + index];
  }

  push(item: T): void {
    // The first push to an empty array reserves room for many items; most topics have one event.
    if (this.items.length === 0) this.items = [item];
    else this.items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.start]!;
    this.start++;
    // To copy once half of the array is unused makes the cost of a shift constant on average, and frees the memory.
    if (this.length === 0 || (this.start >= 16 && this.start * 2 >= this.items.length)) {
      this.items = this.items.slice(this.start);
      this.start = 0;
    } else {
      this.items[this.start - 1] = undefined as never;
    }
    return item;
  }

  /** Removes an item. It costs nothing at the front; elsewhere, all items before it are moved. */
  remove(item: T): void {
    if (this.first === item) {
      this.shift();
      return;
    }
    const index = this.start + this.after(item.sequence) - 1;
    if (this.items[index] !== item) return;
    this.items.copyWithin(this.start + 1, this.start, index);
    this.items[this.start] = item;
    this.shift();
  }

  /** Keeps only what `keep` accepts. O(n). */
  filter(keep: (item: T) => boolean): void {
    this.items = this.items.slice(this.start).filter(keep);
    this.start = 0;
  }

  /** Index of the first item after `sequence`; `length` if there is none. */
  after(sequence: number): number {
    let low = this.start;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.items[middle]!.sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - this.start;
  }
}
