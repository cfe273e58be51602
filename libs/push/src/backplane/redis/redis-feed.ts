import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { readBody } from '../kit/event-body.js';
import type { Matcher } from '../kit/matcher.js';
import { feedScript } from './history-scripts.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import { anotherLog } from './redis-topics.js';

/** How many entries one call looks at, and about how many bytes of events it reads: Redis does nothing else meanwhile. */
const entriesAtOnce = 500;
const bytesAtOnce = 128 * 1024;

/** How many calls there are for a page, which ends wherever they have come. */
const callsOfPage = 4;

/** What was read of the feed. */
export interface FeedStretch {
  readonly events: readonly LogEvent[];
  /** Everything that matches and is retained up to here is among them. */
  readonly through: number;
  /** Up to here events may have left the feed before they were read; 0 if none did. */
  readonly lost: number;
  /** Topics, and the newest event of theirs that is gone by the rules, though the feed still has it. */
  readonly gone: ReadonlyMap<string, number>;
}

/** The newest events of all topics, in log order: for patterns whose topics are too many to be read one by one. */
export class RedisFeed {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly retention: RetentionRules,
  ) {}

  /** Reads what matches after a sequence, up to `limit` events, and as far as a page's calls come. */
  async read(
    epoch: string,
    matcher: Matcher,
    after: number,
    through: number,
    limit: number,
  ): Promise<FeedStretch> {
    const events: LogEvent[] = [];
    const gone = new Map<string, number>();
    let read = after;
    let lost = 0;
    for (let calls = 0; calls < callsOfPage && read < through; calls++) {
      const [end, begins, now, ...entries] = await this.ask(epoch, read + 1, through);
      if (Number(begins) > read) lost = Number(begins);
      for (let index = 0; index < entries.length; index += 4) {
        const [sequence, topic, time, body] = entries.slice(index, index + 4) as [
          string,
          string,
          string,
          string,
        ];
        const paused = matcher.pause();
        if (paused) await paused;
        if (!matcher.has(topic) || this.retention.of(topic).state) continue;
        if (!this.isRetained(topic, Number(time), Number(now))) gone.set(topic, Number(sequence));
        else events.push(readBody(epoch, Number(sequence), topic, body));
        if (events.length === limit) return { events, through: Number(sequence), lost, gone };
      }
      read = end === '' ? through : Number(end);
    }
    return { events, through: read, lost, gone };
  }

  private isRetained(topic: string, time: number, now: number): boolean {
    const { events, age } = this.retention.of(topic);
    // Of what an older version stored, the time is not known.
    return events > 0 && (time === 0 || time + age > now);
  }

  private async ask(epoch: string, from: number, through: number): Promise<string[]> {
    const { log } = this.keys;
    const args = [epoch, from, through, entriesAtOnce, bytesAtOnce];
    const reply = await this.link.run((client) => feedScript.run(client, [log, this.keys.feed(epoch)], args));
    if (!reply) throw anotherLog();
    return reply as string[];
  }
}
