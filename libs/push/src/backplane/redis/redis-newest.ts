import type { HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import { isWildcard } from '../../contracts/topic.js';
import type { Matcher } from '../kit/matcher.js';
import type { RedisLists } from './redis-lists.js';
import type { FoundTopics, RedisTopics } from './redis-topics.js';

/** A page of the newest events of topics. */
export interface NewestPage extends HistoryPage {
  /** Topics that the index names and that have no event any more, with its sequence. */
  readonly missing: ReadonlyMap<string, number>;
}

/** Reads the newest event of each topic. They are in the order of the index by change: it is read instead of merging anything. */
export class RedisNewest {
  constructor(
    private readonly topics: RedisTopics,
    private readonly lists: RedisLists,
  ) {}

  /** @param found what `topics` has found for the query */
  async page(
    epoch: string,
    { topics: patterns, after, through, limit }: HistoryQuery,
    matcher: Matcher,
    found: FoundTopics,
  ): Promise<NewestPage> {
    const changed = found.isPartial ? await this.topics.changed(epoch, matcher, after) : undefined;
    const all = [...(changed?.unknown === 0 ? new Map(changed.topics) : found.topics)];
    // What is newer than `through` has left its place for one that the reader gets live.
    const known = all
      .filter((each): each is [string, number] => each[1] !== undefined && each[1] <= through)
      .sort((a, b) => a[1] - b[1]);
    const unknown = all.filter(([, newest]) => newest === undefined).map(([topic]) => topic);
    const some = known.slice(0, limit);
    const scanned = Math.min(changed?.through ?? Infinity, through);
    let end = known.length > limit ? some.at(-1)![1] : scanned;
    const read = await this.lists.newest(epoch, [...some.map(([topic]) => topic), ...unknown]);
    const present = new Set(read.map(({ topic }) => topic));
    const events = read
      .filter(({ sequence }) => sequence > after && sequence <= end)
      .sort((a, b) => a.sequence - b.sequence)
      .slice(0, limit);
    if (unknown.length > 0 && events.length === limit) end = events.at(-1)!.sequence;
    const isUnknown = changed !== undefined && changed.unknown > after;
    const lost = isUnknown ? patterns.filter(isWildcard).map((each) => [each, changed.unknown] as const) : [];
    const missing = new Map(some.filter(([topic]) => !present.has(topic)));
    return { events, through: end, lost: new Map(lost), missing };
  }
}
