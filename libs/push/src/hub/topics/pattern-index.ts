import { covers, endOfToken } from '../../contracts/topic.js';
import { literals, maskedTokens, tokenHash } from './token-hash.js';

interface Entry<T> {
  readonly pattern: string;
  /** The hash of its literal tokens. */
  readonly hash: number;
  value: T;
  /** The next pattern with the same hash. */
  next: Entry<T> | undefined;
}

/** The patterns of the same length whose wildcards are at the same positions: one look-up finds those that match a topic. */
class Shape<T> {
  /** Set while there is one pattern: an attacker who makes up patterns gets a shape for each, which should be small. */
  private only: Entry<T> | undefined;
  private many: Map<number, Entry<T>> | undefined;

  /** @param mask has a bit for each of the first 32 tokens that is not a wildcard */
  constructor(readonly mask: number) {}

  get isEmpty(): boolean {
    return !this.only && (!this.many || this.many.size === 0);
  }

  /** The first pattern with this hash. If the shape has only one, its literal tokens may still be others than those looked for. */
  at(hash: number): Entry<T> | undefined {
    return this.many ? this.many.get(hash) : this.only?.hash === hash ? this.only : undefined;
  }

  add(entry: Entry<T>): void {
    if (!this.many && !this.only) {
      this.only = entry;
      return;
    }
    this.many ??= new Map([[this.only!.hash, this.only!]]);
    this.only = undefined;
    entry.next = this.many.get(entry.hash);
    this.many.set(entry.hash, entry);
  }

  delete(entry: Entry<T>): void {
    const first = this.at(entry.hash);
    if (!this.many) this.only = undefined;
    else if (first !== entry) {
      let before = first!;
      while (before.next !== entry) before = before.next!;
      before.next = entry.next;
    } else if (entry.next) this.many.set(entry.hash, entry.next);
    else this.many.delete(entry.hash);
  }
}

/** The shapes of one length, by their masks. */
type Shapes<T> = Map<number, Shape<T>>;

/**
 * A map from patterns with wildcards to values. A search for a topic looks at the shapes that patterns of its length have: a
 * handful in practice, and never more than there are patterns.
 */
export class PatternIndex<T> {
  /** Shapes by their number of tokens. Those in `open` are of patterns that end with `>`, which is not counted. */
  readonly closed: Shapes<T>[] = [];
  readonly open: Shapes<T>[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(pattern: string): T | undefined {
    return this.find(pattern)?.value;
  }

  set(pattern: string, value: T): void {
    const entry = this.find(pattern);
    if (entry) {
      entry.value = value;
      return;
    }
    const { shapes, mask, hash } = this.locate(pattern);
    let shape = shapes.get(mask);
    if (!shape) shapes.set(mask, (shape = new Shape(mask)));
    shape.add({ pattern, hash, value, next: undefined });
    this.count++;
  }

  delete(pattern: string): void {
    const entry = this.find(pattern);
    if (!entry) return;
    const { shapes, mask } = this.locate(pattern);
    const shape = shapes.get(mask)!;
    shape.delete(entry);
    if (shape.isEmpty) shapes.delete(mask);
    this.count--;
  }

  private find(pattern: string): Entry<T> | undefined {
    const { shapes, mask, hash } = this.locate(pattern);
    let entry = shapes.get(mask)?.at(hash);
    while (entry && entry.pattern !== pattern) entry = entry.next;
    return entry;
  }

  private locate(pattern: string): { shapes: Shapes<T>; mask: number; hash: number } {
    const { length, isOpen, mask, hash } = literals(pattern);
    const lists = isOpen ? this.open : this.closed;
    return { shapes: (lists[length] ??= new Map()), mask, hash };
  }
}

/**
 * A search for the values of all patterns that cover a topic (or a pattern). It may be interrupted. A pattern that is added
 * or removed meanwhile may be found or not; all others are found.
 */
export class PatternWalk<T> {
  private topic = '';
  private readonly hashes = new Int32Array(maskedTokens);
  /** The shapes that are being looked at, and the length of those that come next. */
  private shapes: Iterator<Shape<T>> | undefined;
  private length = 0;

  constructor(readonly patterns: PatternIndex<T>) {}

  /** Begins a search for `topic`; a search that was not finished is dropped. */
  begin(topic: string): void {
    this.topic = topic;
    let tokens = 0;
    for (let at = 0; at <= topic.length; tokens++) {
      const end = endOfToken(topic, at);
      if (tokens < maskedTokens) this.hashes[tokens] = tokenHash(topic, at, end, tokens);
      at = end + 1;
    }
    this.shapes = this.patterns.closed[tokens]?.values();
    this.length = Math.min(tokens, this.patterns.open.length);
  }

  /**
   * Looks at the next shapes, `shapes` at most, and calls `visit` with each value that it finds.
   *
   * @returns whether the search has ended
   */
  advance(visit: (value: T) => void, shapes: number): boolean {
    let left = shapes;
    for (;;) {
      if (!this.shapes) {
        if (this.length === 0) return true;
        this.shapes = this.patterns.open[--this.length]?.values();
        continue;
      }
      if (left-- === 0) return false;
      const { done, value } = this.shapes.next() as IteratorResult<Shape<T>, undefined>;
      if (done) this.shapes = undefined;
      else this.search(value, visit);
    }
  }

  private search(shape: Shape<T>, visit: (value: T) => void): void {
    const { hashes, topic } = this;
    let hash = 0;
    for (let { mask } = shape; mask !== 0; mask &= mask - 1) hash += hashes[31 - Math.clz32(mask & -mask)]!;
    for (let entry = shape.at(hash | 0); entry; entry = entry.next)
      if (covers(entry.pattern, topic)) visit(entry.value);
  }
}
