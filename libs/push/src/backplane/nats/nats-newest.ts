import { AckPolicy, DeliverPolicy, type ConsumerInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { HistoryQuery } from '../../contracts/backplane.js';
import { isWildcard } from '../../contracts/topic.js';
import type { Matcher } from '../kit/matcher.js';
import type { NatsLog } from './nats-log.js';
import type { Subjects } from './subjects.js';

type Manager = Awaited<ReturnType<NatsLog['manager']>>;

/** Of how many topics it is found out where their newest events begin, and of how many of them at once. */
const mostSearched = 64;
const parallel = 16;

/** From a place that is so many events before the right one, the rest of the way is read. */
const fewEvents = 64;

/** A search halves what is left with every second consumer: more than these it never needs. */
const mostRounds = 128;

/** Of how many topics it is remembered where their newest events begin. */
const mostKnown = 1_024;

/** Reads the first messages that a new consumer has to deliver. */
export type ReadConsumer = (consumer: ConsumerInfo, count: number) => AsyncIterable<{ readonly seq: number }>;

/**
 * Finds where the newest events of topics begin. The server has no consumer for that, but it says how many messages one
 * would deliver from a sequence on: that is searched for.
 */
export class NatsNewest {
  private readonly known = new Map<string, number>();

  constructor(
    private readonly subjects: Subjects,
    private readonly read: ReadConsumer,
  ) {}

  /**
   * The topics that are asked for, and the sequence of the oldest event that is wanted of each: 0 where all are. Returns
   * `undefined` if that would take too many searches.
   *
   * @param filters patterns that cover all that is asked for
   */
  async find(
    manager: Manager,
    { topics, newest, through }: HistoryQuery & { readonly newest: number },
    filters: readonly string[],
    matcher: Matcher,
  ): Promise<ReadonlyMap<string, number> | undefined> {
    const found = new Map<string, number>();
    const searched: string[] = [];
    const isOne = topics.length === 1 && !isWildcard(topics[0]!);
    const counts = isOne ? [[topics[0]!, Infinity] as const] : await this.count(manager, filters, matcher);
    for (const [topic, count] of counts) {
      found.set(topic, 0);
      if (count > newest) searched.push(topic);
    }
    if (searched.length > mostSearched) return undefined;
    for (let start = 0; start < searched.length; start += parallel)
      await Promise.all(
        searched.slice(start, start + parallel).map(async (topic) => {
          found.set(topic, await this.beginning(manager, topic, newest, through));
        }),
      );
    return found;
  }

  /** The topics that are asked for, and how many messages each has by now. */
  private async count(
    { streams }: Manager,
    filters: readonly string[],
    matcher: Matcher,
  ): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const filter of filters) {
      const { state } = await streams.info(this.subjects.stream, {
        subjects_filter: this.subjects.of(filter),
      });
      for (const [subject, count] of Object.entries(state.subjects ?? {})) {
        const topic = this.subjects.topicOf(subject);
        if (topic !== undefined && matcher.has(topic)) counts.set(topic, count);
        const paused = matcher.pause();
        if (paused) await paused;
      }
    }
    return counts;
  }

  private async beginning(manager: Manager, topic: string, newest: number, through: number): Promise<number> {
    const key = `${topic} ${newest} ${through}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const beginning = await this.search(manager, topic, newest, through);
    this.known.set(key, beginning);
    if (this.known.size > mostKnown) this.known.delete([...this.known.keys()][0]!);
    return beginning;
  }

  /** The sequence of the `newest`-th event of a topic, counted back from `through`; 0 if there are no more than those. */
  private async search(manager: Manager, topic: string, newest: number, through: number): Promise<number> {
    const later = await this.pending(manager, topic, through + 1);
    // From `low` on there are too many, from `high` on too few.
    let [low, many] = [1, (await this.pending(manager, topic, 1)) - later];
    let [high, few] = [through + 1, 0];
    if (many <= newest) return 0;
    for (let round = 0; many - newest > fewEvents && high - low > 1 && round < mostRounds; round++) {
      const part = round % 2 === 0 ? (newest + fewEvents / 2 - few) / (many - few) : 1 / 2;
      const sequence = Math.min(high - 1, Math.max(low + 1, Math.round(high - (high - low) * part)));
      const count = (await this.pending(manager, topic, sequence)) - later;
      if (count >= newest) [low, many] = [sequence, count];
      else [high, few] = [sequence, count];
    }
    return this.skip(manager, topic, low, many - newest);
  }

  /** How many messages a topic has from a sequence on. */
  private async pending(manager: Manager, topic: string, from: number): Promise<number> {
    const consumer = await this.consumer(manager, topic, from);
    this.end(manager, consumer);
    return consumer.num_pending;
  }

  /** The sequence of the message that comes after `count` others, from `from` on. */
  private async skip(manager: Manager, topic: string, from: number, count: number): Promise<number> {
    const consumer = await this.consumer(manager, topic, from);
    try {
      let sequence = from;
      for await (const { seq } of this.read(consumer, count + 1)) sequence = seq;
      return sequence;
    } finally {
      this.end(manager, consumer);
    }
  }

  private consumer({ consumers }: Manager, topic: string, from: number): Promise<ConsumerInfo> {
    return consumers.add(this.subjects.stream, {
      filter_subject: this.subjects.of(topic),
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      headers_only: true,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(30_000),
    });
  }

  private end({ consumers }: Manager, { name }: ConsumerInfo): void {
    consumers.delete(this.subjects.stream, name).catch(() => undefined);
  }
}
