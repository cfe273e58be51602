/** A first-in, first-out list of things with rising sequences, searched by sequence. All operations amortized O(1) or O(log n). */
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
    // An array that is pushed to makes room for many; most topics have one event.
    if (this.items.length === 0) this.items = [item];
    else this.items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.start]!;
    this.start++;
    // Copying when half of the array is dead makes the cost of a shift constant on average, and lets the dead go.
    if (this.length === 0 || (this.start >= 16 && this.start * 2 >= this.items.length)) {
      this.items = this.items.slice(this.start);
      this.start = 0;
    } else {
      this.items[this.start - 1] = undefined as never;
    }
    return item;
  }

  /** Removes an item, wherever it is: at the front it costs nothing, elsewhere what is before it is moved. */
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

  /** Index of the first item behind `sequence`; `length` if there is none. */
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
