import { Deque } from './deque.js';
import type { Entry } from './topic-history.js';

/** What the window holds of one publisher, oldest first. */
interface Share {
  readonly entries: Deque<Entry>;
  bytes: number;
}

/** How much of the window each publisher fills. Each has a share, so that none can drive out the events of the others. */
export class PublisherShares {
  private readonly shares = new Map<string, Share>();

  /** @param bytes the size of one share */
  constructor(private readonly bytes = Infinity) {}

  /** How many publishers have events in the window. */
  get size(): number {
    return this.shares.size;
  }

  /** Counts a new entry. Events without a publisher are not counted. */
  add(entry: Entry): void {
    const { publisher } = entry;
    if (publisher === undefined) return;
    let share = this.shares.get(publisher);
    if (!share) this.shares.set(publisher, (share = { entries: new Deque(), bytes: 0 }));
    share.entries.push(entry);
    share.bytes += entry.bytes;
  }

  /** The oldest entry of a publisher that has to give up some, because it has more than its share. */
  excess(publisher: string): Entry | undefined {
    const share = this.shares.get(publisher);
    return share && share.bytes > this.bytes ? share.entries.first : undefined;
  }

  /** Counts an entry out that leaves the window. */
  remove(entry: Entry): void {
    const { publisher } = entry;
    const share = publisher === undefined ? undefined : this.shares.get(publisher);
    if (!share) return;
    share.entries.remove(entry);
    share.bytes -= entry.bytes;
    if (share.entries.length === 0) this.shares.delete(publisher!);
  }
}
