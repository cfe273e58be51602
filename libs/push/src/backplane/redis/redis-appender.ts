import type { PendingAppend } from '../kit/append-queue.js';
import { Appender } from '../kit/appender.js';
import { noTopic } from '../kit/delivery-probe.js';
import { writeBody } from '../kit/event-body.js';
import type { LogNode } from '../kit/log-node.js';
import { appendScript } from './append-script.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisLog, RedisOpenLog } from './redis-log.js';
import type { RedisBackplaneOptions } from './redis.options.js';

/** What one call stores at most. Redis does nothing else meanwhile, for about a millisecond. */
const batchLimits = { events: 256, bytes: 512 * 1024 };

/** Stores each batch with one script, which recognizes it by the node and the batch's number. */
export class RedisAppender extends Appender {
  /** Options, as the script takes them. */
  private readonly options: string;

  constructor(
    node: LogNode,
    private readonly log: RedisLog,
    private readonly link: RedisLink,
    private readonly keys: Keys,
    { rememberMessageIds = 3_600_000, feedLength = 50_000, maxTopics = 1_000_000 }: RedisBackplaneOptions,
  ) {
    super(node, batchLimits);
    this.options = `${rememberMessageIds} ${feedLength} ${maxTopics}`;
  }

  protected async store(batch: readonly PendingAppend[], number: number): Promise<void> {
    const log = this.log.current ?? (await this.log.open());
    const sequences = await this.send(batch, number, log);
    if (sequences === undefined) {
      await this.log.open();
      return;
    }
    const { epoch } = log;
    this.log.saw(epoch, { sequence: Math.max(...sequences) });
    batch.forEach((append, index) => append.resolve({ epoch, sequence: sequences[index]! }));
  }

  /** The sequences of the events, or `undefined` if the server has another log than `log`. */
  private async send(
    batch: readonly PendingAppend[],
    number: number,
    { epoch, run }: RedisOpenLog,
  ): Promise<number[] | undefined> {
    const { keys } = this;
    const topics = new Map<string, number>();
    const names = [keys.log, keys.feed(epoch), keys.topics, keys.names];
    const kept: string[] = [];
    const events: (string | number)[] = [];
    const ids: string[] = [];
    const identified: number[] = [];
    batch.forEach(({ draft }, index) => {
      const { topic, messageId } = draft;
      let place = topic === noTopic ? 0 : topics.get(topic);
      if (place === undefined) {
        place = topics.size + 1;
        topics.set(topic, place);
        names.push(keys.topic(topic));
        kept.push(this.rulesOf(topic));
      }
      events.push(place, writeBody(draft));
      if (messageId === undefined) return;
      ids.push(keys.messageId(messageId));
      identified.push(index + 1);
    });
    const name = `${this.node.id} ${number}`;
    const head = [`${epoch} ${run}`, name, this.options, keys.topicPrefix, topics.size, batch.length];
    const args = [...head, ...kept, ...events, ...identified];
    const reply = await this.link.run((client) => appendScript.run(client, [...names, ...ids], args));
    return typeof reply === 'string' ? reply.split(' ').map(Number) : undefined;
  }

  private rulesOf(topic: string): string {
    const { events, age } = this.node.retention.of(topic);
    return `${countOf(events)} ${ageOf(age)} ${topic}`;
  }
}

/** A number of events as the scripts take it: they do not know Infinity. */
export function countOf(events: number): number {
  return Math.min(events, Number.MAX_SAFE_INTEGER);
}

/** An age in milliseconds as the scripts take it: an empty string means that events are kept for ever. */
export function ageOf(age: number): number | '' {
  return age > 1e14 ? '' : Math.ceil(age);
}
