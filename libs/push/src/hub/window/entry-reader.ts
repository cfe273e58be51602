import type { LogEvent } from '../../contracts/event.js';
import { sequenceOf, type Slot } from './lane.js';
import type { Entry, TopicHistory } from './topic-history.js';
import type { TopicSet } from '../topics/topic-set.js';

/*
 * Costs are counted in units: one unit is the work of looking at one entry of the log (see hub/scheduler.ts).
 */

/** How much of the log one read may cover. */
export interface ReadLimit {
  /** Payload, in bytes. At least one event is read, however large. */
  readonly bytes: number;
  /** How many entries may be looked at, whether they are wanted or not. */
  readonly entries: number;
}

/** The result of one read of the log. */
export interface ReadResult {
  readonly events: readonly LogEvent[];
  /** Everything up to this sequence was read. */
  readonly through: number;
  /** What it cost, in units. */
  readonly cost: number;
}

/** What it costs to write a batch. */
const writeCost = 8;

/** So many bytes of an event cost as much as one entry. */
const bytesPerUnit = 512;

/** What it costs to encode and copy an event. */
export function encodingCost({ data }: LogEvent): number {
  return 1 + data.length / bytesPerUnit;
}

/** The same result, as it costs another reader: the bytes are encoded already. */
export function shared({ events, through }: ReadResult): ReadResult {
  return { events, through, cost: writeCost };
}

/** To match a topic against so many wildcards costs as much as one entry. */
const wildcardsPerUnit = 16;

/** What it costs to find out whether `topics` cover a topic. */
export function matchingCost({ wildcardCount }: TopicSet): number {
  return wildcardCount / wildcardsPerUnit;
}

/** One read: takes entries of the log until there are no more up to `through`, or the limit is reached. */
export class EntryReader {
  private readonly events: LogEvent[] = [];
  private bytes = 0;
  private looked = 0;

  constructor(
    private readonly through: number,
    private readonly limit: ReadLimit,
  ) {}

  /** Takes all `entries`. @param gathered the topics that they belong to: to find those is a part of the cost */
  take(entries: Iterable<Entry>, gathered: readonly TopicHistory[]): ReadResult {
    return this.read(entries, 1, gathered.length / 2, () => true);
  }

  /** Looks at the places of lanes, which are of all topics, and takes the entries of `topics` that are wanted. */
  walk(
    slots: Iterable<Slot>,
    topics: TopicSet,
    isWanted: (entry: Entry) => boolean = () => true,
  ): ReadResult {
    const entryCost = 1 + matchingCost(topics);
    return this.read(slots, entryCost, 0, (entry) => topics.has(entry.topic) && isWanted(entry));
  }

  private read(
    slots: Iterable<Slot>,
    entryCost: number,
    initialCost: number,
    isWanted: (entry: Entry) => boolean,
  ): ReadResult {
    const { events, limit } = this;
    let last = 0;
    let encoding = writeCost;
    for (const slot of slots) {
      const sequence = sequenceOf(slot);
      if (sequence > this.through) break;
      if (this.bytes >= limit.bytes || this.looked >= limit.entries)
        return { events, through: last, cost: initialCost + this.looked + encoding };
      this.looked += entryCost;
      last = sequence;
      if (typeof slot === 'number' || !isWanted(slot)) continue;
      events.push(slot);
      encoding += encodingCost(slot);
      this.bytes += slot.data.length + slot.topic.length;
    }
    return { events, through: this.through, cost: initialCost + this.looked + encoding };
  }
}
