import type { History, HistoryPage, HistoryQuery } from '../contracts/backplane.js';
import { isEnd } from '../contracts/end.js';
import type { LogEvent } from '../contracts/event.js';
import type { EndRetention, TopicRetention } from '../contracts/retention.js';
import { isRemoval } from '../contracts/state.js';
import { covers } from '../contracts/topic.js';

interface KeptEvent {
  readonly event: LogEvent;
  readonly since: number;
}

/** The kept events of one topic, oldest first. */
interface KeptTopic {
  readonly events: KeptEvent[];
  /** The newest sequence that was dropped. */
  lost: number;
}

/** A history in memory, by the rules of the application. */
export class MemoryHistory implements History {
  private readonly topics = new Map<string, KeptTopic>();

  /**
   * @param retentionOf how much of a topic is kept
   * @param now its clock, in milliseconds
   */
  constructor(
    private readonly retentionOf: (topic: string) => TopicRetention,
    private readonly now = () => performance.now(),
  ) {}

  /** Takes the next event of the log. */
  add(event: LogEvent): void {
    let topic = this.topics.get(event.topic);
    if (!topic) this.topics.set(event.topic, (topic = { events: [], lost: 0 }));
    // What a removal takes away is not lost.
    if (isRemoval(event) && this.retentionOf(event.topic).ends) {
      topic.events.length = 0;
      topic.lost = 0;
    }
    topic.events.push({ event, since: this.now() });
    this.expire(event.topic, topic);
  }

  /** Whether a finite topic has ended, and its end is still kept. */
  hasEnded(topic: string): boolean {
    const kept = this.topics.get(topic);
    if (!kept || !this.retentionOf(topic).ends) return false;
    this.expire(topic, kept);
    const newest = kept.events.at(-1);
    return newest !== undefined && isEnd(newest.event);
  }

  /** Drops the oldest event of a topic, even if the rules would keep it. */
  evict(topic: string): void {
    const kept = this.topics.get(topic);
    if (kept) dropOldest(kept);
  }

  /** The kept events of a topic. */
  eventsOf(topic: string): readonly LogEvent[] {
    return this.topics.get(topic)?.events.map(({ event }) => event) ?? [];
  }

  page({ topics, after, through, limit, newest }: HistoryQuery): Promise<HistoryPage> {
    const lost = new Map<string, number>();
    const found: LogEvent[] = [];
    for (const [topic, kept] of this.topics) {
      const patterns = topics.filter((pattern) => covers(pattern, topic));
      if (patterns.length === 0) continue;
      this.expire(topic, kept);
      const events = (newest === 1 ? kept.events.slice(-1) : kept.events)
        .map(({ event }) => event)
        .filter(({ sequence }) => sequence <= through);
      const asked = newest === undefined ? events : events.slice(-newest);
      found.push(...asked.filter(({ sequence }) => sequence > after));
      if (newest !== undefined || kept.lost <= after) continue;
      for (const pattern of patterns) lost.set(pattern, Math.max(kept.lost, lost.get(pattern) ?? 0));
    }
    const wanted = found.sort(bySequence);
    const events = wanted.slice(0, limit);
    const end = wanted.length > limit ? events.at(-1)!.sequence : through;
    return Promise.resolve({ events, through: end, lost });
  }

  private expire(topic: string, kept: KeptTopic): void {
    const { events, age, state, ends } = this.retentionOf(topic);
    if (state) {
      expireState(kept, this.now() - state.tombstones);
      return;
    }
    const oldest = this.now() - age;
    const newest = kept.events.at(-1);
    const own = newest && ends && ownAge(newest.event, ends);
    // However few and however short-lived its events are, a finite topic keeps its end, and its removal.
    const least = own === undefined || newest!.since <= this.now() - Math.max(own, age) ? 0 : 1;
    while (
      kept.events.length > Math.max(events, least) ||
      (kept.events.length > least && kept.events[0]!.since <= oldest)
    )
      dropOldest(kept);
  }
}

/** How long a finite topic keeps its newest event, if that is an end or a removal. */
function ownAge(newest: LogEvent, { ttl, tombstones }: EndRetention): number | undefined {
  if (isEnd(newest)) return ttl;
  return isRemoval(newest) ? tombstones : undefined;
}

/** The newest event is the state. What it replaces is not lost; a removal is dropped when it is old. */
function expireState(kept: KeptTopic, oldest: number): void {
  kept.events.splice(0, kept.events.length - 1);
  const [newest] = kept.events;
  if (newest && isRemoval(newest.event) && newest.since <= oldest) dropOldest(kept);
}

function dropOldest(kept: KeptTopic): void {
  const oldest = kept.events.shift();
  if (oldest) kept.lost = oldest.event.sequence;
}

function bySequence(a: LogEvent, b: LogEvent): number {
  return a.sequence - b.sequence;
}
