import type { History, HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { isWildcard } from '../../contracts/topic.js';
import { readBody } from '../kit/event-body.js';
import { Matcher } from '../kit/matcher.js';
import { mergePages } from '../kit/merge-pages.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import { entriesOf, type Entry } from './entries.js';
import type { Names } from './names.js';
import { filterOf, rangesOf } from './patterns.js';
import { nothingKept, PostgresKept, type KeptPage } from './postgres-kept.js';
import type { PostgresLog } from './postgres-log.js';
import { PostgresPages, type PageRow } from './postgres-pages.js';

/** From so many topics on, the log is read as it is instead of topic by topic. */
const fewTopics = 64;
/** How many topics wildcards may have for their newest events to be found by topic, and how many events that may be. */
const manyTopics = 1_000;
const manyEvents = 50_000;

/** How many entries of the log a page looks at. */
const entriesOfPage = 4_000;
const entriesOfNewest = 1_000;

/**
 * Reads pages: by topic, where the topics are few, else the log as it is. What is kept beside the log comes from there. The
 * server knows nothing of the rules: what they do not keep is left out here.
 */
export class PostgresHistory implements History {
  private readonly pages: PostgresPages;
  private readonly kept: PostgresKept;

  constructor(
    link: PostgresLink,
    private readonly log: PostgresLog,
    names: Names,
    private readonly retention: RetentionRules,
  ) {
    this.pages = new PostgresPages(link, names);
    this.kept = new PostgresKept(this.pages, retention);
  }

  async page(query: HistoryQuery): Promise<HistoryPage> {
    const { epoch } = this.log.opened();
    const { state, hasEnds } = this.retention;
    const kept = state || hasEnds ? await this.kept.page(epoch, query) : nothingKept(query);
    const topics = state ? query.topics.filter((topic) => state.among(topic) !== 'all') : query.topics;
    if (topics.length === 0) return kept;
    const plain = await this.plain(epoch, { ...query, topics, through: kept.through }, kept);
    return kept.events.length === 0 && kept.lost.size === 0 ? plain : mergePages([kept, plain], query.limit);
  }

  /** A page of what is in the log. */
  private async plain(epoch: string, query: HistoryQuery, kept: KeptPage): Promise<HistoryPage> {
    const matcher = new Matcher(query.topics);
    if (query.newest !== undefined) return this.newest(epoch, query, query.newest, matcher, kept);
    const isShort = query.through - query.after <= entriesOfPage;
    const topics = await this.topicsOf(query.topics, isShort ? 0 : fewTopics);
    const row =
      topics && topics.length <= fewTopics
        ? await this.pages.ofTopics(
            epoch,
            topics.filter((topic) => matcher.has(topic)),
            query,
          )
        : await this.pages.scan(epoch, filterOf(query.topics), query, {
            entries: entriesOfPage,
            newest: false,
          });
    return this.finished(epoch, query, matcher, row, kept);
  }

  /** Where that would take too many topics, the newest event of each has to do. */
  private async newest(
    epoch: string,
    query: HistoryQuery,
    count: number,
    matcher: Matcher,
    kept: KeptPage,
  ): Promise<HistoryPage> {
    const found = await this.topicsOf(query.topics, manyTopics);
    const topics = found && (await matcher.filter([...new Set(found)], (topic) => topic));
    const isMany = !topics || topics.length * count > Math.max(manyEvents, count);
    const row = isMany
      ? await this.pages.scan(epoch, filterOf(query.topics), query, {
          entries: entriesOfNewest,
          newest: true,
        })
      : await this.pages.newestOf(epoch, topics, query, count);
    const { events, through } = await this.finished(epoch, query, matcher, row, kept);
    const isPartial = isMany && count > 1;
    return {
      events,
      through,
      lost: new Map(isPartial ? query.topics.map((each) => [each, query.through]) : []),
    };
  }

  /** The exact topics, and those that wildcards mean; `undefined` if the wildcards mean more than `most`. */
  private async topicsOf(patterns: readonly string[], most: number): Promise<string[] | undefined> {
    const wildcards = patterns.filter(isWildcard);
    const exact = patterns.filter((pattern) => !isWildcard(pattern));
    if (wildcards.length === 0) return exact;
    const found = most > 0 ? await this.pages.topicsBetween(rangesOf(wildcards), most) : undefined;
    return found && [...new Set([...exact, ...found])];
  }

  /** Leaves out what the rules do not keep, and says what is lost. */
  private async finished(
    epoch: string,
    { topics, after }: HistoryQuery,
    matcher: Matcher,
    row: PageRow,
    kept: KeptPage,
  ): Promise<HistoryPage> {
    const events: LogEvent[] = [];
    const lost = new Map<string, number>();
    const clock = Number(row.clock);
    for (const entry of entriesOf(row)) {
      const paused = matcher.pause();
      if (paused) await paused;
      const { sequence, topic, body } = entry;
      if (kept.sequences.has(sequence) || !matcher.has(topic)) continue;
      const isRetained = this.isRetained(entry, clock);
      if (isRetained === undefined) continue;
      if (isRetained) events.push(readBody(epoch, sequence, topic, body));
      else matcher.addLoss(lost, topic, sequence);
    }
    const floor = Number(row.floor);
    if (floor > after)
      for (const topic of topics)
        if ((kept.cleared.get(topic) ?? 0) <= floor) lost.set(topic, Math.max(floor, lost.get(topic) ?? 0));
    return { events, through: Number(row.reached), lost };
  }

  /** Whether the rules keep an entry; `undefined` if it is a state, which is kept elsewhere. */
  private isRetained({ topic, time }: Entry, clock: number): boolean | undefined {
    const { events, age, state } = this.retention.of(topic);
    return state ? undefined : events > 0 && time + age > clock;
  }
}
