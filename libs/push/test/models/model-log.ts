import { strict as assert } from 'node:assert';
import type { History, HistoryPage, HistoryQuery } from '../../src/contracts/backplane.js';
import { LogEvent } from '../../src/contracts/event.js';
import { covers } from '../../src/contracts/topic.js';
import type { Hub } from '../../src/hub/hub.js';
import type { NodeLog } from '../../src/hub/replay/node-log.js';
import type { TopicRule } from '../../src/hub/topic-rules.js';
import { TopicSet } from '../../src/hub/topics/topic-set.js';
import { MemoryHistory } from '../../src/testing/memory-history.js';

/** What the model of the promise publishes to, and by which rules that is kept. */
export const topics = ['a.1', 'a.2', 'b.1', 'b.2', 'c', 'd.1', 'd.2'];
export const rules: TopicRule[] = [
  { pattern: 'a.*', retention: { events: 2 } },
  { pattern: 'b.1', retention: { events: 1 }, slow: 'latest' },
  { pattern: 'b.2', retention: { events: 3 }, slow: 'disconnect' },
  { pattern: 'c', retention: { events: 0 } },
  { pattern: 'd.>', retention: { events: 15 } },
];
const kept = (topic: string) =>
  rules.find(({ pattern }) => covers(pattern, topic))?.retention?.events ?? 1_000;

/** So long that a page of a replay holds two events. */
const data = JSON.stringify('x'.repeat(40_000));

/** Answers when it is told to, with what it had when it was asked, or with what it has by then. */
export class SlowHistory implements History {
  private readonly asked: ((isFresh: boolean) => void)[] = [];

  constructor(public now: MemoryHistory) {}

  get isAsked(): boolean {
    return this.asked.length > 0;
  }

  page(query: HistoryQuery): Promise<HistoryPage> {
    const { now } = this;
    // So small that most ranges take several.
    const few = { ...query, limit: 2 };
    const old = now.page(few);
    return new Promise((resolve) => this.asked.push((isFresh) => resolve(isFresh ? now.page(few) : old)));
  }

  answer(isFresh: boolean): void {
    this.asked.shift()?.(isFresh);
  }
}

/** How a log is kept. */
export interface Keeping {
  readonly windowBytes: number;
  readonly emptyTopics: number;
  /** Whether there is a history, which evicts only what the window no longer has (`faithful`), or anything. */
  readonly history?: 'faithful' | 'careless';
  /** Whether the node may lag, and is asked by clients that are not. */
  readonly isLate?: boolean;
}

/** The log as it is, and what of it is lost. */
export class Log {
  readonly events: LogEvent[] = [];
  readonly lost = new Set<LogEvent>();
  readonly history: MemoryHistory | undefined;
  /** What the node has yet to be told, while it is late. */
  private held: LogEvent[] | undefined;

  constructor(
    readonly epoch: string,
    private readonly hub: Hub,
    private readonly nodeLog: NodeLog,
    private readonly keeping: Keeping,
  ) {
    // No more than is promised: what the rules have dropped may come from a history that still has it, or not.
    const retentionOf = (topic: string) => ({ events: kept(topic), age: Infinity });
    if (keeping.history) this.history = new MemoryHistory(retentionOf);
  }

  /** Whether it is known exactly what is lost, and a notice for nothing is a mistake. */
  get isExact(): boolean {
    const { history, windowBytes } = this.keeping;
    // Where history and window lost different events, it may be unknown that each has what the other lost.
    return history ? history === 'faithful' : windowBytes === Infinity;
  }

  /** A notice then covers also what the history had lost of its own, and the window loses later. */
  get isCareless(): boolean {
    return this.keeping.history === 'careless';
  }

  open(): void {
    this.hub.open({ epoch: this.epoch, sequence: 0 });
  }

  /** How far the node is told. */
  get shown(): number {
    return this.events.length - (this.held?.length ?? 0);
  }

  publish(topic: string, except: string | undefined): void {
    const event = this.append(topic, except);
    if (this.held) this.held.push(event);
    else this.show(event);
  }

  get isStalled(): boolean {
    return this.held !== undefined;
  }

  /** From now on the node is told nothing. */
  stall(): void {
    this.held ??= [];
  }

  /** The node is told everything. */
  follow(): void {
    for (let next = this.held?.shift(); next; next = this.held?.shift()) this.show(next);
    this.held = undefined;
  }

  /** The event that was published, of one that the node delivers: its window has a copy. */
  published(delivered: LogEvent): LogEvent {
    if (delivered.sequence === 0) return delivered;
    const event = this.events[delivered.sequence - 1];
    assert.deepEqual(contentOf(delivered), event && contentOf(event), 'of this log');
    return event!;
  }

  private show(event: LogEvent): void {
    this.loseByRule(event.topic);
    this.hub.deliver(event);
    this.note();
  }

  /** The node is told of some events only that there were such. */
  miss(topic: string, count: number): void {
    for (let n = 0; n < count; n++) {
      this.append(topic, undefined);
      this.loseByRule(topic);
    }
    this.hub.skip(this.events.length);
    this.note();
  }

  evict(topic: string): void {
    const [oldest] = this.history?.eventsOf(topic) ?? [];
    if (!oldest || (this.keeping.history === 'faithful' && !this.isHistoryAlone(oldest))) return;
    this.history!.evict(topic);
    this.note();
  }

  /** Whether it is promised, and only the history has it: its loss is news for everyone. */
  private isHistoryAlone(event: LogEvent): boolean {
    return !this.windowed.has(event) && !this.lost.has(event);
  }

  /** How many losses everyone knows of who begins to read now: none, if pages from before may still be around. */
  get known(): number {
    const { history } = this.hub.stats();
    return history.reading > 0 || history.bytes > 0 ? 0 : this.lost.size;
  }

  lostThrough(pattern: string): number {
    if (!this.history && !this.isExact) return this.nodeLog.window.lostThrough(pattern);
    const lost = [...this.lost].filter(({ topic }) => covers(pattern, topic));
    return Math.max(0, ...lost.map(({ sequence }) => sequence));
  }

  private get windowed(): ReadonlySet<LogEvent> {
    const all = { bytes: Infinity, entries: Infinity };
    const { events } = this.nodeLog.window.read(new TopicSet(['>']), 0, Infinity, all);
    return new Set(events.map((event) => this.published(event)));
  }

  private append(topic: string, except: string | undefined): LogEvent {
    const event = new LogEvent(this.epoch, this.events.length + 1, { topic, data, except });
    this.events.push(event);
    this.history?.add(event);
    return event;
  }

  private note(): void {
    const { windowed } = this;
    const isKept = (event: LogEvent) =>
      windowed.has(event) || (this.history?.eventsOf(event.topic).includes(event) ?? false);
    const gone = this.events.slice(0, this.shown).filter((event) => !isKept(event));
    if (this.keeping.windowBytes === Infinity) {
      const lost = [...this.lost].sort((a, b) => a.sequence - b.sequence);
      assert.deepEqual(gone, lost);
    }
    for (const each of gone) this.lost.add(each);
  }

  private loseByRule(topic: string): void {
    const shown = this.events.slice(0, this.shown);
    const own = shown.filter((other) => other.topic === topic && !this.lost.has(other));
    for (const old of own.slice(0, Math.max(0, own.length - kept(topic)))) this.lost.add(old);
  }
}

function contentOf({ id, topic, type, data, except, publisher, meta }: LogEvent): unknown {
  return { id, topic, type, data, except, publisher, meta };
}
