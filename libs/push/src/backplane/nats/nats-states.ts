import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { isWildcard, overlaps } from '../../contracts/topic.js';
import type { Losses, Streams } from './nats-losses.js';
import { inParallel } from './nats-deletion.js';
import type { Subjects } from './subjects.js';

/** What is different in pages of state topics: of each its newest event alone, and only what was removed is lost. */
export class NatsStates {
  constructor(
    private readonly subjects: Subjects,
    private readonly retention: RetentionRules,
  ) {}

  /** The patterns that mean topics other than state topics too. */
  others(patterns: readonly string[]): readonly string[] {
    const { state } = this.retention;
    return state ? patterns.filter((pattern) => state.among(pattern) !== 'all') : patterns;
  }

  /** Events in log order, without those of state topics that a later one of them replaces. */
  newestOf(events: readonly LogEvent[]): readonly LogEvent[] {
    if (!this.retention.state) return events;
    const newest = new Map(events.map((event) => [event.topic, event]));
    return events.filter((event) => newest.get(event.topic) === event || !this.isState(event));
  }

  /** Events without those of state topics that another one up to `through` replaces. */
  async withoutReplaced(
    streams: Streams,
    events: readonly LogEvent[],
    through: number,
  ): Promise<readonly LogEvent[]> {
    if (!this.retention.state) return events;
    const replaced = new Set<LogEvent>();
    const states = events.filter((event) => this.isState(event));
    await inParallel(states, async (event) => {
      const newest = await this.newest(streams, event.topic);
      if (newest > event.sequence && newest <= through) replaced.add(event);
    });
    return events.filter((event) => !replaced.has(event));
  }

  /** Patterns of which removals were dropped after a sequence, or of which it is not known. */
  async losses(
    streams: Streams,
    patterns: readonly string[],
    after: number,
    { anyState, rules }: Pick<Losses, 'anyState' | 'rules'>,
  ): Promise<Map<string, number>> {
    const lost = new Map<string, number>();
    const { state } = this.retention;
    if (!state) return lost;
    for (const pattern of patterns.filter((each) => state.among(each) !== 'none')) {
      const floors = [...rules].filter(([rule]) => rule === '>' || overlaps(rule, pattern));
      const floor = Math.max(anyState, ...floors.map(([, sequence]) => sequence));
      if (floor > after) lost.set(pattern, floor);
    }
    // A topic that has an event has lost nothing: that is its state.
    const exact = [...lost.keys()].filter((pattern) => !isWildcard(pattern));
    await inParallel(exact, async (topic) => {
      if ((await this.newest(streams, topic)) > 0) lost.delete(topic);
    });
    return lost;
  }

  private isState({ topic }: LogEvent): boolean {
    return this.retention.of(topic).state !== undefined;
  }

  /** The sequence of the newest event of a topic; 0 if it has none. */
  private async newest(streams: Streams, topic: string): Promise<number> {
    const query = { last_by_subj: this.subjects.of(topic) };
    return (await streams.getMessage(this.subjects.stream, query))?.seq ?? 0;
  }
}
