import type { LogEvent } from '../../contracts/event.js';
import { isGone, type Entry, type TopicHistory } from './topic-history.js';
import type { TopicSet } from '../topics/topic-set.js';

/** How much is read of the log at once. */
export interface ReadLimit {
  /** Of payload; at least one event is read. */
  readonly bytes: number;
  /** How many entries may be looked at, wanted or not. */
  readonly entries: number;
}

/** What was read of the log in one piece. */
export interface ReadResult {
  readonly events: readonly LogEvent[];
  /** Everything up to this sequence was read. */
  readonly through: number;
  /** What it cost, in entries that were looked at. Events that are taken cost more. */
  readonly cost: number;
}

/** What it costs to write a batch. */
const writeCost = 8;

/** How many bytes of an event cost as much as one entry. */
const bytesPerEntry = 512;

/** What it costs to encode and copy an event, in entries. */
export function encodingCost({ data }: LogEvent): number {
  return 1 + data.length / bytesPerEntry;
}

/** The same result for the next reader, which finds the bytes already encoded. */
export function shared({ events, through }: ReadResult): ReadResult {
  return { events, through, cost: writeCost };
}

/** How many wildcards cost as much to match against a topic as one entry. */
const wildcardsPerEntry = 16;

/** What it costs to find out whether a topic is one of `topics`, in entries. */
export function matchingCost({ wildcardCount }: TopicSet): number {
  return wildcardCount / wildcardsPerEntry;
}

/** Reads entries of the log until there are no more, or the limit is reached. */
export class EntryReader {
  private readonly events: LogEvent[] = [];
  private bytes = 0;
  private looked = 0;

  constructor(
    private readonly through: number,
    private readonly limit: ReadLimit,
  ) {}

  /** @param gathered the topics whose entries they are: finding them is part of the cost */
  take(entries: Iterable<Entry>, gathered: readonly TopicHistory[]): ReadResult {
    return this.read(entries, 1, gathered.length / 2, () => true);
  }

  /** Reads entries of all topics, and takes those of `topics`. */
  walk(
    entries: Iterable<Entry>,
    topics: TopicSet,
    isWanted: (entry: Entry) => boolean = () => true,
  ): ReadResult {
    const entryCost = 1 + matchingCost(topics);
    return this.read(
      entries,
      entryCost,
      0,
      (entry) => !isGone(entry) && topics.has(entry.event.topic) && isWanted(entry),
    );
  }

  private read(
    entries: Iterable<Entry>,
    entryCost: number,
    initialCost: number,
    isWanted: (entry: Entry) => boolean,
  ): ReadResult {
    const { events, limit } = this;
    let last = 0;
    let encoding = writeCost;
    for (const entry of entries) {
      if (entry.sequence > this.through) break;
      if (this.bytes >= limit.bytes || this.looked >= limit.entries)
        return { events, through: last, cost: initialCost + this.looked + encoding };
      this.looked += entryCost;
      last = entry.sequence;
      if (!isWanted(entry)) continue;
      events.push(entry.event);
      encoding += encodingCost(entry.event);
      this.bytes += entry.event.data.length + entry.event.topic.length;
    }
    return { events, through: this.through, cost: initialCost + this.looked + encoding };
  }
}
