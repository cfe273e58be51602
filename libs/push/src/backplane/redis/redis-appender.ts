import type { PendingAppend } from '../kit/append-queue.js';
import { Appender } from '../kit/appender.js';
import { endedError } from '../../contracts/end.js';
import { parsePosition, printPosition } from '../../contracts/position.js';
import type { TopicRetention } from '../../contracts/retention.js';
import { conflictOf, expectNone, isRemoval } from '../../contracts/state.js';
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
    const results = await this.send(batch, number, log);
    if (results === undefined) {
      await this.log.open();
      return;
    }
    const { epoch } = log;
    const sequences = results.filter((result) => /^\d/.test(result)).map(Number);
    this.log.saw(epoch, { sequence: Math.max(0, ...sequences) });
    results.forEach((result, index) => this.settle(batch[index]!, epoch, result));
  }

  /** @param result its sequence; an e after an end; for a conflict an x, and the sequence that is there, if one is */
  private settle(append: PendingAppend, epoch: string, result: string): void {
    if (result === 'e') {
      append.reject(endedError(append.draft.topic));
      return;
    }
    if (!result.startsWith('x')) {
      const sequence = Number(result);
      append.resolve({ epoch: this.log.epochAt(sequence), sequence });
      return;
    }
    const current = result.slice(1);
    const id = current === '' ? undefined : printPosition({ epoch, sequence: Number(current) });
    append.reject(conflictOf(append.draft, id));
  }

  /** What became of the events, or `undefined` if the server has another log than `log`. */
  private async send(
    batch: readonly PendingAppend[],
    number: number,
    { epoch, run }: RedisOpenLog,
  ): Promise<string[] | undefined> {
    const { keys } = this;
    const topics = new Map<string, number>();
    const names = keys.written(epoch);
    const kept: string[] = [];
    const events: (string | number)[] = [];
    const ids: string[] = [];
    const identified: number[] = [];
    const more: string[] = [];
    batch.forEach(({ draft }, index) => {
      const { topic, messageId, expect } = draft;
      let place = topic === noTopic ? 0 : topics.get(topic);
      if (place === undefined) {
        place = topics.size + 1;
        topics.set(topic, place);
        names.push(keys.topic(topic));
        kept.push(`${rulesOf(this.node.retention.of(topic))} ${topic}`);
      }
      events.push(place, writeBody(draft));
      const isRemoved = isRemoval(draft);
      if (expect !== undefined || isRemoved)
        more.push(`${index + 1} ${expectedIn(epoch, expect)} ${isRemoved ? 1 : ''}`);
      if (messageId === undefined) return;
      ids.push(keys.messageId(messageId));
      identified.push(index + 1);
    });
    const name = `${this.node.id} ${number}`;
    const counts = [topics.size, batch.length, ids.length];
    const head = [`${epoch} ${run}`, name, this.options, keys.topicPrefix, ...counts];
    const args = [...head, ...kept, ...events, ...identified, ...more];
    const reply = await this.link.run((client) => appendScript.run(client, [...names, ...ids], args));
    return typeof reply === 'string' ? reply.split(' ') : undefined;
  }
}

/** What is expected, as the script takes it. */
function expectedIn(epoch: string, expect: string | undefined): number | string {
  if (expect === undefined) return '';
  if (expect === expectNone) return 0;
  const position = parsePosition(expect);
  return position?.epoch === epoch && position.sequence > 0 ? position.sequence : '?';
}

/** What a topic keeps, as the scripts take it: its events, their age, its tombstones, and "f" and the age of its end. */
export function rulesOf({ events, age, state, ends }: TopicRetention): string {
  if (state) return `${countOf(events)} ${ageOf(age)} ${ageOf(state.tombstones)} `;
  if (!ends) return `${countOf(events)} ${ageOf(age)}  `;
  // Its newest event is kept in any case, since that may be its end.
  return `${countOf(Math.max(1, events))} ${ageOf(age)} ${ageOf(ends.tombstones)} f${ageOf(ends.ttl)}`;
}

/** A number of events as the scripts take it: they do not know Infinity. */
function countOf(events: number): number {
  return Math.min(events, Number.MAX_SAFE_INTEGER);
}

/** An age in milliseconds as the scripts take it: an empty string means that events are kept for ever. */
function ageOf(age: number): number | '' {
  return age > 1e14 ? '' : Math.ceil(age);
}
