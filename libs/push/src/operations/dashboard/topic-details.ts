import { withoutParameters } from '../../access/access-rules.js';
import type { EventBus } from '../../bus/event-bus.js';
import type { LogEvent } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import type { Hub } from '../../hub/hub.js';
import type { TopicRule } from '../../hub/topic-rules.js';
import { shownData } from './fitting.js';
import { ruleOf } from './topic-list.js';

/** How many events are shown. */
const mostEvents = 10;

/** How many users are shown. */
const mostUsers = 20;

/** How long events are not read again while the topic gets none, in milliseconds: retention may have dropped some. */
const patience = 30_000;

/** What details are read from. */
export interface DetailSources {
  readonly hub: Hub;
  readonly bus: EventBus;
  readonly rules: readonly TopicRule[];
}

interface ShownEvent {
  readonly id: string | null;
  readonly type: string | null;
  /** When this node got it, in milliseconds since 1970; `null` if it is not in its memory. */
  readonly at: number | null;
  /** As JSON text. */
  readonly data: string;
  readonly cut: boolean;
}

/** The details of one topic, read again only when it has changed. */
export class TopicDetails {
  private readonly rule: TopicRule | undefined;
  private events: readonly ShownEvent[] = [];
  /** The newest event when they were read; `undefined` if they were not. */
  private newest: number | undefined;
  private readAt = 0;
  private readonly gone = new AbortController();

  constructor(
    readonly topic: string,
    private readonly sources: DetailSources,
  ) {
    this.rule = withoutParameters(sources.rules).find(({ pattern }) => covers(pattern, topic));
  }

  /** @throws PushError (the promise rejects) if its events cannot be read, and when it is stopped meanwhile */
  async read(): Promise<object> {
    const { topic, sources } = this;
    await this.readEvents();
    return {
      topic,
      rule: this.shownRule(),
      events: this.events,
      presence: this.presence(),
      snapshot: sources.hub.hasSnapshot(topic) ? 'loader' : 'none',
      ...(this.rule?.state && { state: this.events[0] ?? null }),
    };
  }

  stop(): void {
    this.gone.abort();
  }

  private async readEvents(): Promise<void> {
    const { topic, sources, gone } = this;
    const newest = sources.hub.topic(topic)?.entries.last?.sequence ?? 0;
    const now = performance.now();
    if (newest === this.newest && now - this.readAt < patience) return;
    const { events } = await sources.hub.older({ topic, limit: mostEvents, signal: gone.signal });
    this.newest = newest;
    this.readAt = now;
    this.events = events.map((event) => this.shown(event)).reverse();
  }

  private shown({ id, sequence, type, data }: LogEvent): ShownEvent {
    return { id: id ?? null, type: type ?? null, at: this.timeOf(sequence), ...shownData(data) };
  }

  private timeOf(sequence: number): number | null {
    const entries = this.sources.hub.topic(this.topic)?.entries;
    const entry = entries?.at(entries.after(sequence) - 1);
    return entry?.sequence === sequence ? Math.round(performance.timeOrigin + entry.arrived) : null;
  }

  private shownRule(): object {
    const { topic, rule } = this;
    const { hub } = this.sources;
    const { events, age } = hub.retention.of(topic);
    return {
      pattern: ruleOf(hub, topic),
      retention: { events, age: Number.isFinite(age) ? age : null },
      state: rule?.state ?? false,
      finite: rule?.finite ?? false,
      presence: Boolean(rule?.presence),
    };
  }

  /** Of each user the name alone: what it says of itself is for those who read the topic. */
  private presence(): object | null {
    if (!this.rule?.presence) return null;
    const presence = this.sources.bus.presence(this.topic);
    const users = presence.users();
    const list = users.slice(0, mostUsers).map(({ user, clients }) => ({ user, clients }));
    return { users: users.length, clients: presence.count, list };
  }
}
