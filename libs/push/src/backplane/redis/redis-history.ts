import type { History, HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { isWildcard } from '../../contracts/topic.js';
import { mergePages } from '../kit/merge-pages.js';
import { Matcher } from '../kit/matcher.js';
import { floorScript } from './history-scripts.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import { RedisFeed } from './redis-feed.js';
import { RedisLists, type Source } from './redis-lists.js';
import type { RedisLog } from './redis-log.js';
import { RedisNewest } from './redis-newest.js';
import { RedisStates } from './redis-states.js';
import { anotherLog, RedisTopics, type FoundTopics } from './redis-topics.js';

/** From so many topics on, the feed is read instead of their lists, if no more than that has come since. */
const manyTopics = 64;
const fewEvents = 1_000;

/** How often lists are read on, after all were begun, before a page ends where it has come. */
const roundsOfPage = 4;

/**
 * Reads pages from the topics' lists, merged in log order, or from the feed. Whatever is asked, a page takes a bounded
 * number of calls, one after the other, each of which is short: at most one to find the topics, one for each of them
 * (64 together, mostly), four to read on, and one that tells what is lost.
 */
export class RedisHistory implements History {
  private readonly topics: RedisTopics;
  private readonly lists: RedisLists;
  private readonly feed: RedisFeed;
  private readonly newest: RedisNewest;
  private readonly states: RedisStates;

  constructor(
    private readonly link: RedisLink,
    private readonly log: RedisLog,
    private readonly keys: Keys,
    private readonly retention: RetentionRules,
  ) {
    this.topics = new RedisTopics(link, keys, { topics: keys.topics, names: keys.names, madeIf: '' });
    this.lists = new RedisLists(link, keys, retention);
    this.feed = new RedisFeed(link, keys, retention, this.lists);
    this.newest = new RedisNewest(this.topics, this.lists);
    this.states = new RedisStates(link, keys, this.lists, this.topics);
  }

  async page(query: HistoryQuery): Promise<HistoryPage> {
    const { epoch } = this.log.opened();
    const { state } = this.retention;
    if (!state) return this.plain(epoch, query);
    const plain = query.topics.filter((topic) => state.among(topic) !== 'all');
    const states = query.topics.filter((topic) => state.among(topic) !== 'none');
    const pages = await Promise.all([
      ...(plain.length > 0 ? [this.plain(epoch, { ...query, topics: plain })] : []),
      ...(states.length > 0
        ? [this.states.page(epoch, { ...query, topics: states }, new Matcher(states))]
        : []),
    ]);
    return pages.length === 1 ? pages[0]! : mergePages(pages, query.limit);
  }

  /** A page of what is not state. */
  private async plain(epoch: string, query: HistoryQuery): Promise<HistoryPage> {
    const matcher = new Matcher(query.topics);
    const { topics, after, through } = query;
    const found = await this.topics.find(epoch, topics, matcher, after);
    if (query.newest === 1) return this.newest.page(epoch, query, matcher, found);
    if (query.newest !== undefined) return this.severalNewest(epoch, query, matcher, found);
    const isShort = found.topics.size > manyTopics && through - after <= fewEvents;
    if (found.isPartial || (isShort && found.feedBegins <= after))
      return this.fromFeed(epoch, query, matcher);
    return this.merged(epoch, query, matcher, found);
  }

  private async merged(
    epoch: string,
    query: HistoryQuery,
    matcher: Matcher,
    { topics }: FoundTopics,
  ): Promise<HistoryPage> {
    const { after, limit } = query;
    const sources = [...topics.keys()].map((topic): Source => ({
      topic,
      events: [],
      lost: 0,
      isGone: false,
      next: after + 1,
    }));
    // Twice the fair share: most pages then need no second round.
    const count = Math.min(limit, Math.ceil((limit * 2) / Math.max(1, sources.length)));
    for (let done = 0; done < sources.length;)
      done += await this.lists.read(epoch, sources.slice(done), count, query);
    const through = await this.readOn(epoch, query, sources, count);
    for (const source of sources)
      // Without a list, all that the topic had is gone.
      // Its only event is the newest one, which is no state by the rules of those who published it.
      if (this.retention.of(source.topic).state) source.lost = 0;
      else if (source.isGone) source.lost = topics.get(source.topic) ?? Infinity;
    const events = sources
      .flatMap((source) => source.events)
      .filter((event) => event.sequence <= through)
      .sort((a, b) => a.sequence - b.sequence);
    // That older events than the newest ones are gone does not matter.
    const lost =
      query.newest === undefined
        ? await this.lost(epoch, query, matcher, sources)
        : new Map<string, number>();
    return { events, through, lost };
  }

  /** Where that would take too many lists, the newest event of each topic has to do. */
  private async severalNewest(
    epoch: string,
    query: HistoryQuery,
    matcher: Matcher,
    found: FoundTopics,
  ): Promise<HistoryPage> {
    if (!found.isPartial) return this.merged(epoch, query, matcher, found);
    const { events, through } = await this.newest.page(epoch, query, matcher, found);
    return { events, through, lost: new Map(query.topics.map((pattern) => [pattern, query.through])) };
  }

  /** Reads on where the page's next events are. Returns how far all of `sources` are read, or the page is full. */
  private async readOn(
    epoch: string,
    query: HistoryQuery,
    sources: readonly Source[],
    count: number,
  ): Promise<number> {
    const { through, limit } = query;
    for (let round = 0; ; round++) {
      const enough = sequenceAt(sources, limit, through);
      const unread = sources.filter(({ next }) => next <= enough).sort((a, b) => a.next - b.next);
      const [first] = unread;
      if (!first) return enough;
      if (round === roundsOfPage) return first.next - 1;
      await this.lists.read(epoch, unread, Math.min(limit, count * 2 ** round), query);
    }
  }

  private async lost(
    epoch: string,
    { topics, after }: HistoryQuery,
    matcher: Matcher,
    sources: readonly Source[],
  ): Promise<Map<string, number>> {
    const floor = await this.floor(epoch);
    const lost = new Map<string, number>(topics.filter(isWildcard).map((wildcard) => [wildcard, floor]));
    for (const source of sources) {
      if (source.lost === 0) continue;
      // Of what is not known it is the floor that says up to where there may have been something.
      const newest = source.lost === Infinity ? floor : source.lost;
      for (const pattern of matcher.matching(source.topic))
        lost.set(pattern, Math.max(newest, lost.get(pattern) ?? 0));
      const paused = matcher.pause();
      if (paused) await paused;
    }
    return new Map([...lost].filter(([, sequence]) => sequence > after));
  }

  /** For wildcards that mean too many topics: what the feed still holds. What it does not counts as lost. */
  private async fromFeed(epoch: string, query: HistoryQuery, matcher: Matcher): Promise<HistoryPage> {
    const { topics, after, through, limit } = query;
    const stretch = await this.feed.read(epoch, matcher, after, through, limit);
    const lost = new Map<string, number>(
      stretch.lost > after ? topics.map((each) => [each, stretch.lost]) : [],
    );
    for (const [topic, sequence] of stretch.gone)
      for (const pattern of matcher.matching(topic))
        lost.set(pattern, Math.max(sequence, lost.get(pattern) ?? 0));
    return { events: stretch.events, through: stretch.through, lost };
  }

  private async floor(epoch: string): Promise<number> {
    const { log, topics } = this.keys;
    const reply = await this.link.run((client) => floorScript.run(client, [log, topics], [epoch]));
    if (!reply) throw anotherLog();
    return Number(reply);
  }
}

/** The sequence of the `limit`-th event that is read; `through` if there are not so many before it. */
function sequenceAt(sources: readonly Source[], limit: number, through: number): number {
  const sequences = sources.flatMap((source) => source.events.map((event) => event.sequence));
  if (sequences.length < limit) return through;
  return Math.min(through, sequences.sort((a, b) => a - b)[limit - 1]!);
}
