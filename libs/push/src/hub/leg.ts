import type { HistoryPage } from '../contracts/backplane.js';
import type { GapReason } from '../contracts/connection.js';
import type { LogEvent } from '../contracts/event.js';
import type { PageQuery } from './history-reader.js';
import type { Subscription } from './subscription.js';
import { TopicSet } from './topic-set.js';
import type { Window } from './window.js';

/** How much of the log is read at once, in bytes of payload. */
const pageBytes = 64 * 1024;

/** What a leg brings next. */
export interface Stretch {
  /** What was read for it. */
  readonly read: readonly LogEvent[];
  readonly events: readonly LogEvent[];
  /** With them, it has brought everything up to here. */
  readonly through: number;
}

/** What a subscription has lost. */
export interface Loss {
  readonly subscription: Subscription;
  readonly through: number;
}

/** A way through the log that a cursor takes for some of its topics. */
export class Leg {
  /** Said once, before anything else: the position that was asked for is not in this log. */
  notice: GapReason | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private checkedLosses = -1;

  constructor(
    private readonly window: Window,
    /** Everything of the topics up to here is delivered, or told to be lost. */
    public sequence: number,
    /** Why events would be missing. */
    public reason: GapReason,
    readonly topics = new TopicSet(),
  ) {}

  get all(): readonly Subscription[] {
    return [...this.subscriptions.values()];
  }

  get patterns(): readonly string[] {
    return [...this.subscriptions.keys()];
  }

  get size(): number {
    return this.subscriptions.size;
  }

  has(pattern: string): boolean {
    return this.subscriptions.has(pattern);
  }

  add(subscription: Subscription): void {
    const old = this.subscriptions.get(subscription.pattern);
    if (old) old.merge(subscription);
    else {
      this.subscriptions.set(subscription.pattern, subscription);
      this.topics.add(subscription.pattern);
    }
    this.checkedLosses = -1;
  }

  delete(pattern: string): void {
    if (!this.subscriptions.delete(pattern)) return;
    this.topics.delete(pattern);
    if (this.size === 0) this.notice = undefined;
  }

  /** What has to be read from the backplane, because the window may have lost what the backplane still has. */
  missing(through: number): PageQuery | undefined {
    const { window, sequence } = this;
    // With a notice it has to be known what else the reader is told of by it.
    const end = this.notice ? window.recoverable : Math.min(through, window.recoverable);
    if (sequence >= end) return undefined;
    const newestOnly = this.isNewestOnly(through);
    const topics = this.all.filter(({ isServed }) => !isServed).map(({ pattern }) => pattern);
    let lost = 0;
    for (const topic of topics)
      lost = Math.max(lost, newestOnly ? window.newestLostThrough(topic) : window.lostThrough(topic));
    if (lost <= sequence) return undefined;
    // All topics are asked for, whichever are missing: so everyone with the same ones shares the pages.
    return { topics, after: sequence, through: Math.min(lost, end), newestOnly };
  }

  /**
   * What is lost that the reader does not know of.
   *
   * @param page what the backplane has of what is `missing`
   */
  untold(page?: HistoryPage): Loss[] {
    const { losses } = this.window;
    if (!page && !this.notice && this.checkedLosses === losses) return [];
    if (!page) this.checkedLosses = losses;
    const all = this.all.map((each): Loss => ({ subscription: each, through: this.lossOf(each, page) }));
    if (this.notice) return all;
    for (const { subscription, through } of all) {
      if (subscription.isLenient) subscription.told = through;
      subscription.isLenient = false;
    }
    return all.filter(
      ({ subscription: { known, isServed }, through }) =>
        !isServed && through > Math.max(known, this.sequence),
    );
  }

  /**
   * Notes that the reader is told of `losses`, and goes on to right before the next event there is, or to `through`: who
   * resumes from there is not told again.
   */
  tell(losses: readonly Loss[], through: number, page?: HistoryPage): void {
    for (const loss of losses) loss.subscription.told = loss.through;
    this.notice = undefined;
    const next = this.read(through, page, 1);
    this.sequence = next.events[0] ? next.events[0].sequence - 1 : next.through;
  }

  /** The next events up to `through`: at least one, unless there is none before a page of the backplane ends. */
  read(through: number, page?: HistoryPage, bytes = pageBytes): Stretch {
    const end = Math.min(through, page?.through ?? through);
    const isNewestOnly = this.isNewestOnly(through);
    const recent = isNewestOnly
      ? this.window.readNewest(this.topics, this.all[0]?.after ?? 0, this.sequence, end, bytes)
      : this.window.read(this.topics, this.sequence, end, bytes);
    const older = page ? cut(page.events, this.sequence, end, bytes) : [];
    const reached = Math.min(recent.at(-1)?.sequence ?? end, older.at(-1)?.sequence ?? end);
    const events = older.length > 0 ? mergeEvents(recent, older, reached) : recent;
    return { read: events, events: this.wanted(events), through: reached };
  }

  /** Whether it brings an event, whatever was lost. */
  brings(event: LogEvent): boolean {
    return this.candidates(event.topic).some((subscription) => subscription.brings(event));
  }

  /** Whether it brings all events of `pattern` behind `after`. */
  bringsAll(pattern: string, after: number): boolean {
    return this.candidates(pattern).some((subscription) => subscription.bringsAll(pattern, after));
  }

  /** Whether of everything up to `through` only the newest event of each topic is wanted. */
  private isNewestOnly(through: number): boolean {
    const asOf = this.all[0]?.after ?? 0;
    return asOf > this.sequence && this.all.every(({ after }) => after === asOf && after >= through);
  }

  /** How far a subscription has lost something for sure: neither the window has it, nor the backplane. */
  private lossOf({ pattern }: Subscription, page: HistoryPage | undefined): number {
    const lost = this.window.lostThrough(pattern);
    return lost > this.window.recoverable ? lost : Math.min(lost, page?.lost.get(pattern) ?? 0);
  }

  /** Those of some events that are wanted: not one that is older than the newest where only that is. */
  private wanted(events: readonly LogEvent[]): readonly LogEvent[] {
    const conflated = Math.max(...this.all.map(({ after }) => after));
    if (events.length === 0 || events[0]!.sequence > conflated) return events;
    return events.filter(
      (event) =>
        event.sequence > conflated ||
        this.candidates(event.topic).some((each) => each.wants(event, this.window)),
    );
  }

  /** The subscriptions that may cover a topic or pattern: few, most of the time. */
  private candidates(pattern: string): Subscription[] {
    const own = this.subscriptions.get(pattern);
    const wildcards = [...this.topics.wildcards].map((wildcard) => this.subscriptions.get(wildcard)!);
    return own ? [own, ...wildcards] : wildcards;
  }
}

/** Some of a page's events behind `after`: as many as fit in `bytes` of payload, but at least one. */
function cut(events: readonly LogEvent[], after: number, through: number, bytes: number): LogEvent[] {
  const some: LogEvent[] = [];
  let taken = 0;
  for (const event of events) {
    if (event.sequence <= after) continue;
    if (event.sequence > through || taken >= bytes) break;
    some.push(event);
    taken += event.data.length + event.topic.length;
  }
  return some;
}

/** Both in order up to `through`, and of what both have the window's own. */
function mergeEvents(recent: readonly LogEvent[], older: readonly LogEvent[], through: number): LogEvent[] {
  const bySequence = new Map([...older, ...recent].map((event) => [event.sequence, event]));
  return [...bySequence.values()]
    .filter(({ sequence }) => sequence <= through)
    .sort((a, b) => a.sequence - b.sequence);
}
