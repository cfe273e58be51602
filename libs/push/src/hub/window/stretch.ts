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
export interface Stretch {
  readonly events: readonly LogEvent[];
  /** With them, everything up to here was read. */
  readonly through: number;
  /** What it cost, in entries that were looked at; events that are taken cost more. */
  readonly looked: number;
}

/** What it costs to write a batch. */
const writeCost = 8;

/** So many bytes of an event cost as much as to look at another entry. */
const bytesPerEntry = 512;

/** What it costs to encode an event, and to copy it. */
export function encodingCost({ data }: LogEvent): number {
  return 1 + data.length / bytesPerEntry;
}

/** A stretch that another reader has read before: its bytes are there. */
export function shared({ events, through }: Stretch): Stretch {
  return { events, through, looked: writeCost };
}

/** For as many wildcards, to find out whether a topic is wanted costs as much as to look at another entry. */
const wildcardsPerEntry = 16;

/** What it costs to find out whether a topic is one of `topics`, in entries that are looked at. */
export function matchingCost({ wildcardCount }: TopicSet): number {
  return wildcardCount / wildcardsPerEntry;
}

/** Takes entries of the log until there are no more, or the limit is reached. */
export class StretchReader {
  private readonly events: LogEvent[] = [];
  private bytes = 0;
  private looked = 0;

  constructor(
    private readonly through: number,
    private readonly limit: ReadLimit,
  ) {}

  /** @param gathered topics that had to be found for it */
  take(entries: Iterable<Entry>, gathered: readonly TopicHistory[]): Stretch {
    return this.read(entries, 1, gathered.length / 2, () => true);
  }

  /** Walks through entries of all topics. */
  walk(
    entries: Iterable<Entry>,
    topics: TopicSet,
    isWanted: (entry: Entry) => boolean = () => true,
  ): Stretch {
    const cost = 1 + matchingCost(topics);
    return this.read(
      entries,
      cost,
      0,
      (entry) => !isGone(entry) && topics.has(entry.event.topic) && isWanted(entry),
    );
  }

  private read(
    entries: Iterable<Entry>,
    cost: number,
    before: number,
    isWanted: (entry: Entry) => boolean,
  ): Stretch {
    const { events, limit } = this;
    let last = 0;
    let encoding = writeCost;
    for (const entry of entries) {
      if (entry.sequence > this.through) break;
      if (this.bytes >= limit.bytes || this.looked >= limit.entries)
        return { events, through: last, looked: before + this.looked + encoding };
      this.looked += cost;
      last = entry.sequence;
      if (!isWanted(entry)) continue;
      events.push(entry.event);
      encoding += encodingCost(entry.event);
      this.bytes += entry.event.data.length + entry.event.topic.length;
    }
    return { events, through: this.through, looked: before + this.looked + encoding };
  }
}
