import { Deque } from './deque.js';
import type { Entry } from './topic-history.js';

/** What the window holds of one publisher, oldest first. */
interface Share {
  readonly entries: Deque<Entry>;
  bytes: number;
}

/** How much of the window each publisher has filled: a share each, so that none drives out what others have published. */
export class PublisherShares {
  private readonly shares = new Map<string, Share>();

  /** @param bytes how much one publisher may have */
  constructor(private readonly bytes = Infinity) {}

  /** How many publishers have anything. */
  get size(): number {
    return this.shares.size;
  }

  /**
   * Notes a new entry. Gives out, one by one, what of its publisher's has to go, oldest first: each has to be removed before
   * the next. What nobody in particular has published takes nobody's share.
   */
  *add(entry: Entry): Generator<Entry> {
    const { publisher } = entry.event;
    if (publisher === undefined) return;
    let share = this.shares.get(publisher);
    if (!share) this.shares.set(publisher, (share = { entries: new Deque(), bytes: 0 }));
    share.entries.push(entry);
    share.bytes += entry.bytes;
    while (share.bytes > this.bytes) yield share.entries.first!;
  }

  /** The entry is about to leave the window. */
  remove(entry: Entry): void {
    const { publisher } = entry.event;
    const share = publisher === undefined ? undefined : this.shares.get(publisher);
    if (!share) return;
    share.entries.remove(entry);
    share.bytes -= entry.bytes;
    if (share.entries.length === 0) this.shares.delete(publisher!);
  }
}
