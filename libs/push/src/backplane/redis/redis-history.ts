import type { History, HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { covers, isWildcard } from '../../contracts/topic.js';
import { readBody } from '../event-body.js';
import type { Keys } from './keys.js';
import type { Link } from './link.js';
import { ageOf, countOf } from './redis-appender.js';
import type { RedisLog } from './redis-log.js';
import { readScript } from './scripts.js';

/** How many topics' lists one call reads: Redis does nothing else meanwhile. */
const listsAtOnce = 200;

/** How many topics a read may take together. Wildcards that have more new topics are read from the feed. */
const mostTopics = 10_000;

/** How many entries of the feed, or names of topics, are looked at in one call. */
const scanAtOnce = 1_000;

/** What has been read of one topic. */
interface Source {
  readonly topic: string;
  readonly events: LogEvent[];
  lost: number;
  /** How far it is read; infinite when nothing is left. */
  read: number;
}

/**
 * Reads the topics' lists, merged in log order. Which topics a wildcard means comes from the two indexes: by name, where
 * few topics begin like it, else by what is new in them.
 */
export class RedisHistory implements History {
  constructor(
    private readonly link: Link,
    private readonly log: RedisLog,
    private readonly keys: Keys,
    private readonly retention: RetentionRules,
  ) {}

  async page(query: HistoryQuery): Promise<HistoryPage> {
    const epoch = this.log.current?.epoch;
    if (epoch === undefined || epoch !== this.log.told) throw new Error('The log is not open yet.');
    if (query.newestOnly) return this.newest(epoch, query);
    const topics = await this.newTopics(query);
    return topics ? this.merged(epoch, query, topics) : this.fromFeed(epoch, query);
  }

  /** Topics with something behind `after`, and the sequence of their newest event; `undefined` if they are too many. */
  private async newTopics({ topics, after }: HistoryQuery): Promise<Map<string, number> | undefined> {
    const exact = topics.filter((topic) => !isWildcard(topic));
    const found = await this.newestOf(exact, after);
    for (const wildcard of topics.filter(isWildcard)) {
      const names = (await this.named(wildcard, after)) ?? (await this.changed(wildcard, after));
      if (!names) return undefined;
      for (const [topic, newest] of names) found.set(topic, newest);
      if (found.size > mostTopics) return undefined;
    }
    return found;
  }

  /** Topics that begin like `wildcard`; `undefined` if more do than have something new. */
  private async named(wildcard: string, after: number): Promise<Map<string, number> | undefined> {
    const prefix = wildcard.slice(0, wildcard.search(/[*>]/));
    // Without a literal beginning, these are all topics. Behind "~", the last visible character, comes DEL.
    const [low, high] = prefix === '' ? ['-', '+'] : [`[${prefix}`, `(${prefix}\x7f`];
    const { topics, names } = this.keys;
    const [byName, byChange] = await Promise.all([
      this.link.run((client) => client.zlexcount(names, low, high)),
      this.link.run((client) => client.zcount(topics, `(${after}`, '+inf')),
    ]);
    if (byName > byChange || byName > mostTopics) return undefined;
    const found = await this.link.run((client) => client.zrangebylex(names, low, high));
    return this.newestOf(
      found.filter((topic) => covers(wildcard, topic)),
      after,
    );
  }

  /** Topics of `wildcard` by what is new in them; `undefined` if far too many have something new. */
  private async changed(wildcard: string, after: number): Promise<Map<string, number> | undefined> {
    const found = new Map<string, number>();
    let from = after;
    for (let looked = 0; looked < mostTopics * 10; looked += scanAtOnce) {
      // Topics only move up in this order, so that none is missed however many move.
      const page = await this.changedPage(from);
      for (const [topic, newest] of page) if (covers(wildcard, topic)) found.set(topic, newest);
      if (page.length < scanAtOnce) return found;
      if (found.size > mostTopics) return undefined;
      from = page.at(-1)![1];
    }
    return undefined;
  }

  private async changedPage(after: number): Promise<[topic: string, newest: number][]> {
    const reply = await this.link.run((client) =>
      client.zrangebyscore(this.keys.topics, `(${after}`, '+inf', 'WITHSCORES', 'LIMIT', 0, scanAtOnce),
    );
    return pairs(reply);
  }

  private async newestOf(topics: readonly string[], after: number): Promise<Map<string, number>> {
    const newest = new Map<string, number>();
    for (let start = 0; start < topics.length; start += scanAtOnce) {
      const some = topics.slice(start, start + scanAtOnce);
      const scores = await this.link.run((client) => client.zmscore(this.keys.topics, ...some));
      some.forEach((topic, index) => {
        if (Number(scores[index] ?? 0) > after) newest.set(topic, Number(scores[index]));
      });
    }
    return newest;
  }

  private async merged(
    epoch: string,
    query: HistoryQuery,
    topics: Map<string, number>,
  ): Promise<HistoryPage> {
    const { after, through, limit } = query;
    const sources = [...topics.keys()].map((topic): Source => ({ topic, events: [], lost: 0, read: after }));
    let enough = through;
    // Twice the fair share: most pages then need no second round.
    for (let count = Math.ceil((limit * 2) / Math.max(1, sources.length)); ; count *= 2) {
      const behind = sources.filter((source) => source.read < enough);
      if (behind.length === 0) break;
      await this.read(epoch, behind, Math.min(count, limit), topics);
      enough = sequenceAt(sources, limit, through);
    }
    const events = sources.flatMap((source) => source.events).sort((a, b) => a.sequence - b.sequence);
    const page = events.filter((event) => event.sequence <= enough);
    return { events: page, through: enough, lost: await this.lost(query, sources) };
  }

  /** Reads on in some topics' lists. */
  private async read(
    epoch: string,
    sources: readonly Source[],
    count: number,
    newest: ReadonlyMap<string, number>,
  ): Promise<void> {
    // Sources that were read equally far go together: a call has one place to start from.
    for (const [after, group] of byProgress(sources)) {
      for (let start = 0; start < group.length; start += listsAtOnce) {
        const some = group.slice(start, start + listsAtOnce);
        const replies = await this.lists(
          epoch,
          some.map((source) => source.topic),
          after,
          count,
        );
        some.forEach((source, index) => {
          const [lost, more, ...entries] = replies[index]!;
          // Without a list, all that the topic had is gone.
          const gone = lost === '' ? newest.get(source.topic)! : Number(lost);
          source.lost = Math.max(source.lost, gone);
          for (const entry of entries) source.events.push(eventOf(epoch, source.topic, entry));
          source.read = more === 1 ? source.events.at(-1)!.sequence : Infinity;
        });
      }
    }
  }

  private async lists(epoch: string, topics: readonly string[], after: number, count: number) {
    const args: (string | number)[] = [epoch, after, count];
    for (const topic of topics) {
      const { events, age } = this.retention.of(topic);
      args.push(countOf(events), ageOf(age));
    }
    const lists = topics.map((topic) => this.keys.topic(topic));
    const reply = await this.link.run((client) => readScript.run(client, [this.keys.log, ...lists], args));
    if (!reply) throw new Error('The log on the server is another one.');
    return reply as [lost: string, more: number, ...entries: string[]][];
  }

  private async lost(query: HistoryQuery, sources: readonly Source[]): Promise<Map<string, number>> {
    const lost = new Map<string, number>();
    const floor = Number((await this.link.run((client) => client.hget(this.keys.log, 'floor'))) ?? 0);
    for (const pattern of query.topics) {
      let newest = 0;
      for (const source of sources)
        if (source.lost > newest && covers(pattern, source.topic)) newest = source.lost;
      // A topic that is no longer remembered may have had anything up to the floor.
      const isForgotten = isWildcard(pattern) || !sources.some(({ topic }) => topic === pattern);
      if (isForgotten && floor > newest) newest = floor;
      if (newest > query.after) lost.set(pattern, newest);
    }
    return lost;
  }

  /** The newest events are in the order of the index by change: it is read instead of merging anything. */
  private async newest(epoch: string, query: HistoryQuery): Promise<HistoryPage> {
    const { after, through, limit } = query;
    const narrow = await this.newTopics(query);
    const found = [...(narrow ?? [])].sort((a, b) => a[1] - b[1]);
    let scanned = narrow ? Infinity : after;
    while (found.length < limit && scanned < through) {
      const page = await this.changedPage(scanned);
      found.push(...page.filter(([topic]) => query.topics.some((pattern) => covers(pattern, topic))));
      scanned = page.length < scanAtOnce ? Infinity : page.at(-1)![1];
    }
    // What is newer than `through` has left its place for one that the reader gets live.
    const page = found.filter(([, newest]) => newest <= through).slice(0, limit);
    const isLast = page.length < limit || page.at(-1) === found.at(-1);
    const end = isLast ? Math.min(scanned, through) : page.at(-1)![1];
    return { events: await this.newestEvents(epoch, page, end), through: end, lost: new Map() };
  }

  private async newestEvents(epoch: string, topics: readonly [string, number][], through: number) {
    const events: LogEvent[] = [];
    for (let start = 0; start < topics.length; start += listsAtOnce) {
      const names = topics.slice(start, start + listsAtOnce).map(([topic]) => topic);
      const replies = await this.lists(epoch, names, 0, 0);
      names.forEach((topic, index) => {
        const entry = replies[index]![2];
        if (entry !== undefined) events.push(eventOf(epoch, topic, entry));
      });
    }
    return events.filter((event) => event.sequence <= through).sort((a, b) => a.sequence - b.sequence);
  }

  /** For wildcards that mean too many topics: what the feed still holds. What it does not counts as lost. */
  private async fromFeed(
    epoch: string,
    { topics, after, through, limit }: HistoryQuery,
  ): Promise<HistoryPage> {
    const feed = this.keys.feed(epoch);
    const range = (from: number, count: number) =>
      this.link.run((client) => client.xrange(feed, from, through, 'COUNT', count));
    const [oldest] = await range(0, 1);
    const begin = oldest ? firstFollows(oldest) : through;
    const lost = new Map<string, number>(begin > after ? topics.map((topic) => [topic, begin]) : []);
    const events: LogEvent[] = [];
    for (let from = after + 1; ;) {
      const entries = await range(from, scanAtOnce);
      for (const [id, [field, topic, , body]] of entries) {
        const sequence = sequenceOf(id);
        from = sequence + 1;
        if (field !== 't' || !topics.some((pattern) => covers(pattern, topic!))) continue;
        events.push(readBody(epoch, sequence, topic!, body!));
        if (events.length === limit) return { events, through: sequence, lost };
      }
      if (entries.length < scanAtOnce) return { events, through, lost };
    }
  }
}

/** The sequence of the `limit`-th event that is read; `through` if there are not so many before it. */
function sequenceAt(sources: readonly Source[], limit: number, through: number): number {
  const sequences = sources.flatMap((source) => source.events.map((event) => event.sequence));
  if (sequences.length < limit) return through;
  return Math.min(through, sequences.sort((a, b) => a - b)[limit - 1]!);
}

function eventOf(epoch: string, topic: string, entry: string): LogEvent {
  const [sequence] = entry.split(' ', 1);
  const body = entry.indexOf(' ', sequence!.length + 1) + 1;
  return readBody(epoch, Number(sequence), topic, entry.slice(body));
}

function byProgress(sources: readonly Source[]): Map<number, Source[]> {
  const groups = new Map<number, Source[]>();
  for (const source of sources) {
    const group = groups.get(source.read);
    if (group) group.push(source);
    else groups.set(source.read, [source]);
  }
  return groups;
}

function sequenceOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** Which sequence an entry of the feed follows. */
function firstFollows([id, [field, value]]: [string, string[]]): number {
  return field === 'base' ? Number(value) : sequenceOf(id) - 1;
}

function pairs(reply: readonly string[]): [string, number][] {
  const found: [string, number][] = [];
  for (let index = 0; index < reply.length; index += 2) found.push([reply[index]!, Number(reply[index + 1])]);
  return found;
}
