import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { readBody } from '../kit/event-body.js';
import { keptAge } from '../kit/kept-age.js';
import type { Matcher } from '../kit/matcher.js';
import { feedScript } from './history-scripts.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisLists } from './redis-lists.js';
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
    private readonly lists: RedisLists,
  ) {}

  /** Reads what matches after a sequence, up to `limit` events, and as far as a page's calls come. */
  async read(
    epoch: string,
    matcher: Matcher,
    after: number,
    through: number,
    limit: number,
  ): Promise<FeedStretch> {
    const stretch = await this.stretch(epoch, matcher, after, through, limit);
    return this.retention.hasEnds ? this.withoutRemoved(epoch, stretch) : stretch;
  }

  /** Of finite topics, what their lists still have: the feed also has what was removed. */
  private async withoutRemoved(epoch: string, stretch: FeedStretch): Promise<FeedStretch> {
    const topics = new Set([...stretch.events.map(({ topic }) => topic), ...stretch.gone.keys()]);
    const finite = [...topics].filter((topic) => this.retention.of(topic).ends);
    if (finite.length === 0) return stretch;
    const beginnings = await this.lists.beginnings(epoch, finite);
    const isFinite = new Set(finite);
    const gone = new Map(stretch.gone);
    const isThere = ({ topic, sequence }: LogEvent) => {
      if (!isFinite.has(topic)) return true;
      const { lost, oldest } = beginnings.get(topic) ?? { lost: Infinity, oldest: Infinity };
      if (sequence <= lost) gone.set(topic, Math.max(sequence, gone.get(topic) ?? 0));
      return sequence >= oldest;
    };
    const events = stretch.events.filter(isThere);
    for (const [topic, sequence] of stretch.gone) {
      const { lost, oldest } = beginnings.get(topic) ?? { lost: Infinity, oldest: Infinity };
      if (isFinite.has(topic) && sequence > lost && sequence < oldest) gone.delete(topic);
    }
    return { ...stretch, events, gone };
  }

  private async stretch(
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
        const event = readBody(epoch, Number(sequence), topic, body);
        if (this.isRetained(event, Number(time), Number(now))) events.push(event);
        else gone.set(topic, event.sequence);
        if (events.length === limit) return { events, through: Number(sequence), lost, gone };
      }
      read = end === '' ? through : Number(end);
    }
    return { events, through: read, lost, gone };
  }

  private isRetained(event: LogEvent, time: number, now: number): boolean {
    const retention = this.retention.of(event.topic);
    // Of what an older version stored, the time is not known.
    const isYoung = time === 0 || time + keptAge(event, retention) > now;
    return isYoung && (retention.events > 0 || retention.ends !== undefined);
  }

  private async ask(epoch: string, from: number, through: number): Promise<string[]> {
    const { log } = this.keys;
    const args = [epoch, from, through, entriesAtOnce, bytesAtOnce];
    const reply = await this.link.run((client) => feedScript.run(client, [log, this.keys.feed(epoch)], args));
    if (!reply) throw anotherLog();
    return reply as string[];
  }
}
