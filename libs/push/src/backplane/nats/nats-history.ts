import { AckPolicy, DeliverPolicy, jetstream, type ConsumerInfo, type JsMsg } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import type { History, HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { covers } from '../../contracts/topic.js';
import { readBody } from '../event-body.js';
import { patience, type NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** How many requests go to the server at once. */
const parallel = 16;

/** How many messages one request asks for at most. */
const batch = 1_000;

/** Everything that was read for one pattern. */
interface Reading {
  readonly pattern: string;
  readonly events: LogEvent[];
  /** How far it is complete. */
  through: number;
  /** Topics, and the newest event of theirs that is gone by the rules, though the server still has it. */
  readonly gone: Map<string, number>;
}

/**
 * Reads with a consumer for each pattern, since servers before 2.10 know one filter a consumer, and merges in log order.
 */
export class NatsHistory implements History {
  constructor(
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly retention: RetentionRules,
    private readonly options: NatsBackplaneOptions,
  ) {}

  async page(query: HistoryQuery): Promise<HistoryPage> {
    const log = this.log.current;
    if (!log || log.epoch !== this.log.told) throw new Error('The log is not open yet.');
    const connection = await this.link.up();
    const patterns = query.topics.filter(
      (pattern) => !query.topics.some((other) => other !== pattern && covers(other, pattern)),
    );
    const readings = await inParallel(patterns, (pattern) =>
      this.read(connection, log.epoch, query, pattern),
    );
    const through = Math.min(query.through, ...readings.map((reading) => reading.through));
    const merged = new Map(readings.flatMap(({ events }) => events.map((event) => [event.sequence, event])));
    const events = [...merged.values()]
      .filter(({ sequence }) => sequence <= through)
      .sort((a, b) => a.sequence - b.sequence);
    const page = events.slice(0, query.limit);
    const end = events.length > page.length ? page.at(-1)!.sequence : through;
    if (query.newestOnly) return { events: page, through: end, lost: new Map() };
    return this.withLosses(connection, log.epoch, query, readings, { events: page, through: end });
  }

  /** Reads what a pattern has in the asked range, up to the asked number of events. */
  private async read(
    connection: NatsConnection,
    epoch: string,
    { after, through, limit, newestOnly }: HistoryQuery,
    pattern: string,
  ): Promise<Reading> {
    const reading: Reading = { pattern, events: [], through, gone: new Map() };
    const { consumers } = await this.log.manager(connection);
    const consumer = await consumers.add(this.subjects.stream, {
      filter_subject: this.subjects.of(pattern),
      ...(newestOnly
        ? { deliver_policy: DeliverPolicy.LastPerSubject }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }),
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(30_000),
    });
    try {
      // The server's clock says what is too old: a wrong clock on this node must not shorten history.
      const now = Date.parse(consumer.created);
      for await (const message of this.messages(connection, consumer)) {
        const sequence = message.seq;
        if (sequence > through) break;
        const topic = this.subjects.topicOf(message.subject)!;
        const { events, age } = this.retention.of(topic);
        if (events <= 0 || message.time.getTime() + age <= now) reading.gone.set(topic, sequence);
        else if (sequence > after) reading.events.push(readBody(epoch, sequence, topic, message.string()));
        if (reading.events.length < limit) continue;
        reading.through = sequence;
        break;
      }
    } finally {
      consumers.delete(this.subjects.stream, consumer.name).catch(() => undefined);
    }
    return reading;
  }

  /** The messages that a new consumer has to deliver, in order. */
  private async *messages(connection: NatsConnection, consumer: ConsumerInfo): AsyncGenerator<JsMsg> {
    const client = jetstream(connection, { timeout: patience, ...this.options.jetstream });
    const handle = client.consumers.getConsumerFromInfo(consumer);
    for (let left = consumer.num_pending; left > 0;) {
      let received = 0;
      const messages = await handle.fetch({ max_messages: Math.min(left, batch), expires: 1_000 });
      for await (const message of messages) {
        received++;
        yield message;
      }
      // Fewer than there were: retention took them meanwhile.
      if (received === 0) return;
      left -= received;
    }
  }

  /**
   * Finds out what is gone. A subject that is full may have lost something: its oldest message stands for that, and is
   * not delivered. What went with the end of the stream, by its age or size, may have been of any topic.
   */
  private async withLosses(
    connection: NatsConnection,
    epoch: string,
    query: HistoryQuery,
    readings: readonly Reading[],
    page: Pick<HistoryPage, 'events' | 'through'>,
  ): Promise<HistoryPage> {
    const { streams } = await this.log.manager(connection);
    const oldest = new Map<string, number>();
    const gone = readings.flatMap((reading) => [...reading.gone]);
    let first = 0;
    for (const { pattern } of readings) {
      const info = await streams.info(this.subjects.stream, { subjects_filter: this.subjects.of(pattern) });
      first = Math.max(first, info.state.first_seq - 1);
      const full = Object.entries(info.state.subjects ?? {})
        .filter(([, count]) => count >= this.log.current!.kept)
        .map(([subject]) => subject);
      await inParallel(full, async (subject) => {
        const firstOfSubject = { next_by_subj: subject, seq: 1 };
        const message = await streams.getMessage(this.subjects.stream, firstOfSubject);
        if (message) oldest.set(this.subjects.topicOf(subject)!, message.seq);
      });
    }
    if (this.log.current?.epoch !== epoch) throw new Error('The log is another one.');
    const lost = new Map<string, number>();
    for (const pattern of query.topics) {
      let newest = first;
      for (const [topic, sequence] of [...gone, ...oldest])
        if (sequence > newest && covers(pattern, topic)) newest = sequence;
      if (newest > query.after) lost.set(pattern, newest);
    }
    return {
      through: page.through,
      events: page.events.filter(({ topic, sequence }) => sequence > (oldest.get(topic) ?? 0)),
      lost,
    };
  }
}

/** Does `work` for each of `items`, a bounded number at a time. Returns the results in their order. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += parallel)
    results.push(...(await Promise.all(items.slice(start, start + parallel).map(work))));
  return results;
}
