import { isEnd } from '../../contracts/end.js';
import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { isRemoval } from '../../contracts/state.js';
import { readBody } from '../kit/event-body.js';
import { keptAge } from '../kit/kept-age.js';
import { inParallel } from './nats-deletion.js';
import { removedBefore } from './nats-ends.js';
import type { Streams } from './nats-losses.js';
import type { Subjects } from './subjects.js';

/** What was read of some finite topics. */
export interface FiniteReading {
  readonly events: LogEvent[];
  /** Topics, and the newest event of theirs that is gone by the rules, though the server still has it. */
  readonly gone: Map<string, number>;
  /** Topics, and their newest removal. What is before is neither there nor lost, though the server may still have it. */
  readonly removed: Map<string, number>;
}

/** What is different in pages of finite topics: ends and removals are kept for longer, and what was removed is left out. */
export class NatsFinite {
  constructor(
    private readonly subjects: Subjects,
    private readonly retention: RetentionRules,
  ) {}

  /** Whether a topic can end. It costs nothing where no topic can. */
  has(topic: string): boolean {
    return this.retention.hasEnds === true && this.retention.of(topic).ends !== undefined;
  }

  /** @param age of the event, in milliseconds */
  take({ events, gone, removed }: FiniteReading, event: LogEvent, age: number): void {
    const { topic, sequence } = event;
    const retention = this.retention.of(topic);
    if (isRemoval(event)) removed.set(topic, sequence);
    const isKept = retention.events > 0 || isEnd(event) || isRemoval(event);
    if (isKept && age < keptAge(event, retention)) events.push(event);
    else gone.set(topic, sequence);
  }

  /**
   * The newest removals of topics, also of those whose page ends before it was read: the newest message of a topic names it.
   *
   * @param known what was read
   */
  async removals(
    streams: Streams,
    topics: Iterable<string>,
    known: ReadonlyMap<string, number>,
  ): Promise<ReadonlyMap<string, number>> {
    const removed = new Map(known);
    const finite = [...new Set(topics)].filter((topic) => this.has(topic));
    await inParallel(finite, async (topic) => {
      const query = { last_by_subj: this.subjects.of(topic) };
      const message = await streams.getMessage(this.subjects.stream, query);
      if (!message) return;
      const event = readBody('', message.seq, topic, message.string());
      removed.set(topic, Math.max(removedBefore(message, event), removed.get(topic) ?? 0));
    });
    return removed;
  }
}
