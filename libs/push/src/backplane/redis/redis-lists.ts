import type { HistoryQuery } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { readBody } from '../kit/event-body.js';
import { beginningsScript, readScript } from './history-scripts.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import { rulesOf } from './redis-appender.js';
import { anotherLog } from './redis-topics.js';

/** How many topics' lists one call reads at most, and how many bytes of their events: Redis does nothing else meanwhile. */
const listsAtOnce = 64;
const bytesAtOnce = 64 * 1024;

/** What has been read of one topic. */
export interface Source {
  readonly topic: string;
  readonly events: LogEvent[];
  /** The sequence of its newest event after the start that is gone; 0 for none. */
  lost: number;
  /** It has no list: all that it had is gone. */
  isGone: boolean;
  /** The first sequence at which it may have an event that is not read; infinite if it has none. */
  next: number;
}

/** Where the list of a topic begins. */
export interface Beginning {
  /** Up to this sequence, events of the topic are lost. */
  readonly lost: number;
  /** The sequence of its oldest event; infinite if it has none. What was stored between the two, a removal has taken away. */
  readonly oldest: number;
}

/** Which events of a topic are wanted: all, or only the newest ones up to a sequence. */
export type Wanted = Pick<HistoryQuery, 'newest' | 'through'>;

/** The lists of topics' events. */
export class RedisLists {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly retention: RetentionRules,
  ) {}

  /**
   * One call: reads on in the first of `sources`, up to `count` events each. Returns how many of them it came to; of the
   * first one it has read at least one event, if there was one.
   *
   * @param wanted which of their events are wanted
   */
  async read(epoch: string, sources: readonly Source[], count: number, wanted: Wanted): Promise<number> {
    const some = sources.slice(0, listsAtOnce);
    const replies = await this.ask(epoch, some, count, wanted);
    replies.forEach(([lost, next, ...entries], index) => {
      const source = some[index]!;
      source.isGone ||= lost === '';
      source.lost = Math.max(source.lost, Number(lost));
      source.next = next === '' ? Infinity : Number(next);
      for (const entry of entries) source.events.push(eventOf(epoch, source.topic, entry));
    });
    return replies.length;
  }

  /** The newest event of each of `topics` that has one, in their order. */
  async newest(epoch: string, topics: readonly string[]): Promise<LogEvent[]> {
    const events: LogEvent[] = [];
    for (let done = 0; done < topics.length;) {
      const some = topics.slice(done, done + listsAtOnce).map((topic) => ({ topic, next: 1 }));
      const replies = await this.ask(epoch, some, 0);
      replies.forEach(([, , entry], index) => {
        if (entry !== undefined) events.push(eventOf(epoch, some[index]!.topic, entry));
      });
      done += replies.length;
    }
    return events;
  }

  /** Where the lists of topics begin, of those that have one. */
  async beginnings(epoch: string, topics: readonly string[]): Promise<Map<string, Beginning>> {
    const beginnings = new Map<string, Beginning>();
    for (let done = 0; done < topics.length; done += listsAtOnce) {
      const some = topics.slice(done, done + listsAtOnce);
      const keys = [this.keys.log, ...some.map((topic) => this.keys.topic(topic))];
      const reply = await this.link.run((client) => beginningsScript.run(client, keys, [epoch]));
      if (!reply) throw anotherLog();
      const found = reply as string[];
      some.forEach((topic, index) => {
        const [lost, oldest] = [found[index * 2]!, found[index * 2 + 1]!];
        if (lost === '') return;
        beginnings.set(topic, { lost: Number(lost), oldest: oldest === '' ? Infinity : Number(oldest) });
      });
    }
    return beginnings;
  }

  private async ask(
    epoch: string,
    sources: readonly Pick<Source, 'topic' | 'next'>[],
    count: number,
    { newest, through }: Partial<Wanted> = {},
  ) {
    const rules = sources.map(({ topic, next }) => `${next - 1} ${rulesOf(this.retention.of(topic))}`);
    const keys = [this.keys.log, ...sources.map(({ topic }) => this.keys.topic(topic))];
    const args = [epoch, count, bytesAtOnce, newest ?? '', through ?? '', ...rules];
    const reply = await this.link.run((client) => readScript.run(client, keys, args));
    if (!reply) throw anotherLog();
    return reply as [lost: string, next: string, ...entries: string[]][];
  }
}

function eventOf(epoch: string, topic: string, entry: string): LogEvent {
  const [sequence] = entry.split(' ', 1);
  const body = entry.indexOf(' ', sequence!.length + 1) + 1;
  return readBody(epoch, Number(sequence), topic, entry.slice(body));
}
