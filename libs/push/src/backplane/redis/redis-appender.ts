import type { AppendQueue, PendingAppend } from '../kit/append-queue.js';
import { backoff } from '../kit/backoff.js';
import { noTopic } from '../kit/delivery-probe.js';
import { writeBody } from '../kit/event-body.js';
import type { RetentionRules } from '../../contracts/retention.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisLog } from './redis-log.js';
import type { RedisBackplaneOptions } from './redis.options.js';
import { appendScript } from './append-script.js';

/** What is stored by one call at most: Redis does nothing else meanwhile, about a millisecond. */
const batchEvents = 256;
const batchBytes = 512 * 1024;

/**
 * Stores what waits in the queue. One batch is on its way at a time, and what comes meanwhile is the next: so the order is
 * kept through every retry. A batch has a number by which the server knows it again, so a retry never stores it twice.
 */
export class RedisAppender {
  private batch = 0;
  private running = false;
  /** What the script takes of the options, in one. */
  private readonly limits: string;

  constructor(
    private readonly link: RedisLink,
    private readonly log: RedisLog,
    private readonly keys: Keys,
    private readonly writer: string,
    private readonly queue: AppendQueue,
    private readonly retention: RetentionRules,
    { rememberMessageIds = 3_600_000, feedLength = 50_000, maxTopics = 1_000_000 }: RedisBackplaneOptions,
    private readonly signal: AbortSignal,
  ) {
    this.limits = `${rememberMessageIds} ${feedLength} ${maxTopics}`;
  }

  /** There is something in the queue. What is added in this turn goes together. */
  wake(): void {
    if (this.running) return;
    this.running = true;
    setImmediate(() => {
      this.run().catch((error: unknown) => this.link.failed(error));
    });
  }

  private async run(): Promise<void> {
    try {
      while (this.queue.hasWaiting && !this.signal.aborted) {
        await this.store(this.queue.take(batchEvents, batchBytes));
      }
    } finally {
      this.running = false;
    }
  }

  private async store(batch: readonly PendingAppend[]): Promise<void> {
    this.batch++;
    for (let attempt = 1; !this.signal.aborted && batch.some((append) => !append.settled); attempt++) {
      try {
        const epoch = (this.log.current ?? (await this.log.open())).epoch;
        const sequences = await this.send(batch);
        if (sequences === undefined) {
          await this.log.open();
          continue;
        }
        this.link.worked();
        this.log.saw(epoch, Math.max(...sequences));
        batch.forEach((append, index) => append.resolve({ epoch, sequence: sequences[index]! }));
      } catch (error) {
        this.link.failed(error);
        await backoff(attempt, this.signal);
      }
    }
    this.queue.done(batch);
  }

  /** The sequences of the events, or `undefined` if the log is not what this node believes. */
  private async send(batch: readonly PendingAppend[]): Promise<number[] | undefined> {
    const { epoch, run } = this.log.current!;
    const { keys } = this;
    const topics = new Map<string, number>();
    const names = [keys.log, keys.feed(epoch), keys.topics, keys.names];
    const kept: string[] = [];
    const events: (string | number)[] = [];
    const ids: string[] = [];
    const identified: number[] = [];
    batch.forEach(({ draft }, index) => {
      const { topic, messageId } = draft;
      let number = topic === noTopic ? 0 : topics.get(topic);
      if (number === undefined) {
        number = topics.size + 1;
        topics.set(topic, number);
        names.push(keys.topic(topic));
        kept.push(this.rulesOf(topic));
      }
      events.push(number, writeBody(draft));
      if (messageId === undefined) return;
      ids.push(keys.messageId(messageId));
      identified.push(index + 1);
    });
    const name = `${this.writer} ${this.batch}`;
    const head = [`${epoch} ${run}`, name, this.limits, keys.topicPrefix, topics.size, batch.length];
    const args = [...head, ...kept, ...events, ...identified];
    const reply = await this.link.run((client) => appendScript.run(client, [...names, ...ids], args));
    return typeof reply === 'string' ? reply.split(' ').map(Number) : undefined;
  }

  private rulesOf(topic: string): string {
    const { events, age } = this.retention.of(topic);
    return `${countOf(events)} ${ageOf(age)} ${topic}`;
  }
}

/** A number of events as the scripts take it: infinite is more than there can be. */
export function countOf(events: number): number {
  return Math.min(events, Number.MAX_SAFE_INTEGER);
}

/** An age in milliseconds as the scripts take it: for ever is nothing. */
export function ageOf(age: number): number | '' {
  return age > 1e14 ? '' : Math.ceil(age);
}
