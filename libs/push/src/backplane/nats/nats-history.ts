import { AckPolicy, DeliverPolicy, jetstream, type ConsumerInfo, type JsMsg } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import type { History, HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { readBody } from '../kit/event-body.js';
import { Matcher } from '../kit/matcher.js';
import { canFilterMany, filtersOf, mostConsumers } from './nats-filters.js';
import { patience, type NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import { inParallel } from './nats-deletion.js';
import { NatsFinite, type FiniteReading } from './nats-finite.js';
import { NatsFloors } from './nats-floors.js';
import { NatsLosses, type Streams } from './nats-losses.js';
import { NatsNewest } from './nats-newest.js';
import { NatsStates } from './nats-states.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** How many messages one request asks for: more and more, as long as they are small. */
const smallestBatch = 16;
const largestBatch = 256;
const smallBytes = 32 * 1024;

/** How many messages, and about how many bytes, are read for a page by each consumer: the page ends where that has come. */
const mostMessages = 2_048;
const mostBytes = 1024 * 1024;

/** Everything that was read by one consumer. */
interface Reading extends FiniteReading {
  /** How far it is complete. */
  through: number;
}

/**
 * Reads with consumers, and merges in log order. Whatever is asked, a page takes a bounded number of them, and each a
 * bounded number of messages and bytes.
 */
export class NatsHistory implements History {
  private readonly losses: NatsLosses;
  private readonly newest: NatsNewest;
  private readonly states: NatsStates;
  private readonly finite: NatsFinite;

  constructor(
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly retention: RetentionRules,
    private readonly options: NatsBackplaneOptions,
  ) {
    // Where nodes delete events themselves, what is missing in the middle was not deleted by hand.
    const deletes = retention.state !== undefined || retention.hasEnds === true;
    this.losses = new NatsLosses(log, subjects, deletes ? new NatsFloors(subjects, options) : undefined);
    this.finite = new NatsFinite(subjects, retention);
    this.states = new NatsStates(subjects, retention);
    this.newest = new NatsNewest(subjects, (consumer, count) => this.delivered(consumer, count));
  }

  async page(query: HistoryQuery): Promise<HistoryPage> {
    const { epoch } = this.log.opened();
    const connection = await this.link.up();
    const matcher = new Matcher(query.topics);
    const filters = filtersOf(query.topics, canFilterMany(connection.info?.version ?? ''));
    if (query.newest === undefined || query.newest === 1)
      return this.merged(connection, epoch, query, filters, matcher);
    return this.severalNewest(connection, epoch, { ...query, newest: query.newest }, filters, matcher);
  }

  /** Where too many topics have more than that, the newest event of each has to do. */
  private async severalNewest(
    connection: NatsConnection,
    epoch: string,
    query: HistoryQuery & { readonly newest: number },
    filters: readonly string[][],
    matcher: Matcher,
  ): Promise<HistoryPage> {
    const manager = await this.log.manager(connection);
    const begins = await this.newest.find(manager, query, filters.flat(), matcher);
    if (!begins) {
      const page = await this.merged(connection, epoch, { ...query, newest: 1 }, filters, matcher);
      return { ...page, lost: new Map(query.topics.map((pattern) => [pattern, query.through])) };
    }
    // Among few topics, no consumer has to pass over what is not wanted.
    const each = begins.size <= mostConsumers ? [...begins.keys()].map((topic) => [topic]) : filters;
    return this.merged(connection, epoch, query, each, matcher, begins);
  }

  /** @param begins the oldest event that is wanted of each topic, where only the newest are */
  private async merged(
    connection: NatsConnection,
    epoch: string,
    query: HistoryQuery,
    filters: readonly string[][],
    matcher: Matcher,
    begins?: ReadonlyMap<string, number>,
  ): Promise<HistoryPage> {
    const readings = await Promise.all(
      filters.map((filter) => this.read(connection, epoch, query, filter, matcher, begins)),
    );
    const through = Math.min(query.through, ...readings.map((reading) => reading.through));
    const merged = new Map(readings.flatMap(({ events }) => events.map((event) => [event.sequence, event])));
    const known = highest(readings.flatMap(({ removed }) => [...removed]));
    const events = this.states
      .newestOf([...merged.values()].sort((a, b) => a.sequence - b.sequence))
      .filter(({ topic, sequence }) => sequence <= through && sequence >= (known.get(topic) ?? 0));
    const page = events.slice(0, query.limit);
    const end = events.length > page.length ? page.at(-1)!.sequence : through;
    const { streams } = await this.log.manager(connection);
    const isCut = end < query.through;
    const current = isCut ? await this.states.withoutReplaced(streams, page, query.through) : page;
    const all = readings.flatMap((reading) => [...reading.gone]);
    const topics = [...page.map(({ topic }) => topic), ...all.map(([topic]) => topic)];
    const removed = isCut ? await this.finite.removals(streams, topics, known) : known;
    const whole = current.filter(({ topic, sequence }) => sequence >= (removed.get(topic) ?? 0));
    if (query.newest !== undefined) return { events: whole, through: end, lost: new Map() };
    const gone = all.filter(([topic, sequence]) => sequence >= (removed.get(topic) ?? 0));
    return this.withLosses(streams, query, filters.flat(), gone, matcher, { events: whole, through: end });
  }

  /** Reads what a consumer brings of the asked range, up to the asked number of events. */
  private async read(
    connection: NatsConnection,
    epoch: string,
    query: HistoryQuery,
    filter: readonly string[],
    matcher: Matcher,
    begins?: ReadonlyMap<string, number>,
  ): Promise<Reading> {
    const { after, through, limit, newest } = query;
    const reading: Reading = { events: [], through, gone: new Map(), removed: new Map() };
    const start = Math.max(after + 1, begins ? beginOf(filter, begins) : 0);
    let [messages, bytes] = [0, 0];
    for await (const { message, now } of this.messages(connection, filter, start, through, newest === 1)) {
      const sequence = message.seq;
      // Consumers of the newest messages have no start of their own.
      if (sequence <= after) continue;
      const topic = this.subjects.topicOf(message.subject)!;
      if (matcher.has(topic) && sequence >= (begins?.get(topic) ?? 0)) {
        const { events, age } = this.retention.of(topic);
        const own = now - message.time.getTime();
        if (this.finite.has(topic))
          this.finite.take(reading, readBody(epoch, sequence, topic, message.string()), own);
        else if (events <= 0 || own >= age) reading.gone.set(topic, sequence);
        else reading.events.push(readBody(epoch, sequence, topic, message.string()));
      }
      const paused = matcher.pause();
      if (paused) await paused;
      bytes += message.data.length;
      if (++messages < mostMessages && bytes < mostBytes && reading.events.length < limit) continue;
      reading.through = sequence;
      break;
    }
    return reading;
  }

  /** The messages of a range, in order, with the time on the server's clock: a wrong clock must not shorten history. */
  private async *messages(
    connection: NatsConnection,
    filter: readonly string[],
    from: number,
    through: number,
    lastOnly: boolean,
  ): AsyncGenerator<{ message: JsMsg; now: number }> {
    const { consumers, streams } = await this.log.manager(connection);
    const subjects = filter.map((pattern) => this.subjects.of(pattern));
    for (let start: number | undefined = from; start !== undefined && start <= through;) {
      const consumer = await consumers.add(this.subjects.stream, {
        ...(subjects.length === 1 ? { filter_subject: subjects[0]! } : { filter_subjects: subjects }),
        ...(lastOnly
          ? { deliver_policy: DeliverPolicy.LastPerSubject }
          : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start }),
        ack_policy: AckPolicy.None,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: nanos(30_000),
      });
      const now = Date.parse(consumer.created);
      let last: number = start - 1;
      try {
        for await (const message of this.delivered(consumer)) {
          last = message.seq;
          if (last > through) return;
          yield { message, now };
        }
      } finally {
        consumers.delete(this.subjects.stream, consumer.name).catch(() => undefined);
      }
      // Servers count what a consumer has to deliver, and may count too little (2.9.10 does).
      start = lastOnly ? undefined : await this.nextOf(streams, subjects, last + 1);
    }
  }

  /** The sequence of the first message of some subjects from `seq` on. */
  private async nextOf(
    streams: Streams,
    subjects: readonly string[],
    seq: number,
  ): Promise<number | undefined> {
    const found: number[] = [];
    await inParallel(subjects, async (next_by_subj) => {
      const query = { next_by_subj, seq };
      const next = await streams.getMessage(this.subjects.stream, query);
      if (next) found.push(next.seq);
    });
    return found.length > 0 ? Math.min(...found) : undefined;
  }

  /** The first messages that a new consumer says it has to deliver, in order. */
  private async *delivered(consumer: ConsumerInfo, count = Infinity): AsyncGenerator<JsMsg> {
    const connection = await this.link.up();
    const client = jetstream(connection, { timeout: patience, ...this.options.jetstream });
    const handle = client.consumers.getConsumerFromInfo(consumer);
    let batch = smallestBatch;
    for (let left = Math.min(consumer.num_pending, count); left > 0;) {
      let [received, bytes] = [0, 0];
      const messages = await handle.fetch({ max_messages: Math.min(left, batch), expires: 1_000 });
      for await (const message of messages) {
        received++;
        bytes += message.data.length;
        yield message;
      }
      batch = bytes < smallBytes ? Math.min(batch * 4, largestBatch) : smallestBatch;
      // Fewer than there were: retention took them meanwhile.
      if (received === 0) return;
      left -= received;
    }
  }

  private async withLosses(
    streams: Streams,
    { topics, after }: HistoryQuery,
    filters: readonly string[],
    gone: readonly (readonly [topic: string, sequence: number])[],
    matcher: Matcher,
    page: Pick<HistoryPage, 'events' | 'through'>,
  ): Promise<HistoryPage> {
    const epoch = this.log.current?.epoch;
    const subjects = filters.map((pattern) => this.subjects.of(pattern));
    const isAsked = (topic: string) => matcher.has(topic) && !this.retention.of(topic).state;
    const { any, oldest, ...stateLosses } = await this.losses.find(streams, subjects, isAsked);
    const ofStates = await this.states.losses(streams, topics, after, stateLosses);
    if (this.log.current?.epoch !== epoch || epoch !== this.log.told)
      throw new Error('The log is another one.');
    const lost = new Map<string, number>(ofStates);
    if (any > after)
      for (const pattern of this.states.others(topics))
        lost.set(pattern, Math.max(any, lost.get(pattern) ?? 0));
    for (const [topic, sequence] of [...gone, ...oldest]) {
      if (sequence <= after) continue;
      for (const pattern of matcher.matching(topic))
        lost.set(pattern, Math.max(sequence, lost.get(pattern) ?? 0));
    }
    return {
      through: page.through,
      events: page.events.filter(({ topic, sequence }) => sequence > (oldest.get(topic) ?? 0)),
      lost,
    };
  }
}

/** The highest sequence of each topic. */
function highest(all: readonly (readonly [topic: string, sequence: number])[]): ReadonlyMap<string, number> {
  const sequences = new Map<string, number>();
  for (const [topic, sequence] of all) sequences.set(topic, Math.max(sequence, sequences.get(topic) ?? 0));
  return sequences;
}

/** Nothing that a filter brings is wanted before this sequence. */
function beginOf(filter: readonly string[], begins: ReadonlyMap<string, number>): number {
  const own = filter.length === 1 ? begins.get(filter[0]!) : undefined;
  if (own !== undefined) return own;
  let first = Infinity;
  for (const sequence of begins.values()) first = Math.min(first, sequence);
  return first;
}
