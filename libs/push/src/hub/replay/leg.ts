import type { HistoryPage } from '../../contracts/backplane.js';
import type { GapReason } from '../../contracts/connection.js';
import type { LogEvent } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import type { PageQuery } from './history-reader.js';
import { LossWatch, type Watched } from './loss-watch.js';
import { encodingCost, type ReadLimit, type Stretch } from '../window/stretch.js';
import type { Subscription } from './subscription.js';
import { TopicSet } from '../topics/topic-set.js';
import type { Window } from '../window/window.js';

/** How much of the log is read at once, in bytes of payload. */
const pageBytes = 64 * 1024;

/** How many events are taken that are on their way to live connections; the others are read from the window. */
const mostTaken = 1_000;

/** What a subscription has lost. */
export interface Loss {
  readonly subscription: Subscription;
  readonly through: number;
}

/** A way through the log that a cursor takes for some of its topics. */
export class Leg implements Watched {
  /** Said once, before anything else: the position that was asked for is not in this log. */
  notice: GapReason | undefined;
  readonly subscriptions = new Map<string, Subscription>();
  /** Whether one of them asks for what there is, and has not looked. */
  isLenient = false;
  isNewestOnly = false;
  isNoLoss: Watched['isNoLoss'];
  isNoLossCost = 0;
  /** There while it is not live. */
  private watch: LossWatch | undefined;

  constructor(
    private readonly window: Window,
    /** Everything of the topics up to here is delivered, or told to be lost. */
    public sequence: number,
    /** Why events would be missing. */
    public reason: GapReason,
    readonly topics = new TopicSet(),
  ) {}

  get all(): IterableIterator<Subscription> {
    return this.subscriptions.values();
  }

  get patterns(): readonly string[] {
    return [...this.subscriptions.keys()];
  }

  get size(): number {
    return this.subscriptions.size;
  }

  /** What it costs to look at each of its subscriptions. */
  get cost(): number {
    return this.size / 8;
  }

  /** It has come to the end of the log: from here on it is told what comes. */
  live(): void {
    this.reason = 'slow';
    this.watch = undefined;
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
    this.isLenient ||= (old ?? subscription).isLenient;
    this.watch?.add(old ?? subscription);
  }

  /** Returns what it was; `undefined` if there was no such one. */
  delete(pattern: string): Subscription | undefined {
    const old = this.subscriptions.get(pattern);
    if (!old) return undefined;
    this.subscriptions.delete(pattern);
    this.topics.delete(pattern);
    if (this.size === 0) this.notice = undefined;
    return old;
  }

  /**
   * Finds out what is lost after its position, for about `effort` entries that are looked at. Returns what it cost.
   *
   * @param through how far it reads next
   */
  check(through: number, effort: number): number {
    const { isNewestOnly } = this;
    this.isNewestOnly = this.wantsNewestOnly(through);
    // Then other losses matter.
    if (isNewestOnly !== this.isNewestOnly) this.watch = undefined;
    return (this.watch ??= new LossWatch(this.window)).update(this, effort);
  }

  /** Whether it knows all that was lost by now: it may be read on. */
  get isChecked(): boolean {
    return this.watch?.isCurrent ?? false;
  }

  lose(topic: string, sequence: number, number: number, matters: boolean): void {
    this.some(topic, (each) => {
      if (covers(each.pattern, topic)) each.lose(sequence, number, matters);
      return false;
    });
  }

  /** Takes the next events of the log, which the window need not have: not more than it can look at in one go. */
  take(next: Iterable<LogEvent>): { readonly events: readonly LogEvent[]; readonly looked: number } {
    const events: LogEvent[] = [];
    let looked = 0;
    for (const event of next) {
      if (looked === mostTaken) break;
      looked++;
      if (event.sequence <= this.sequence) continue;
      this.sequence = event.sequence;
      if (this.topics.has(event.topic)) events.push(event);
    }
    return { events, looked };
  }

  /** What has to be read from the backplane, because the window may have lost what the backplane still has. */
  missing(through: number): PageQuery | undefined {
    const { window, sequence } = this;
    // With a notice it has to be known what else the reader is told of by it.
    const end = this.notice ? window.recoverable : Math.min(through, window.recoverable);
    if (sequence >= end) return undefined;
    const topics: string[] = [];
    let lost = 0;
    for (const each of this.all) {
      if (each.isServed) continue;
      topics.push(each.pattern);
      lost = Math.max(lost, this.notice ? each.gone : each.lost);
    }
    if (lost <= sequence) return undefined;
    // All topics are asked for, whichever are missing: so everyone with the same ones shares the pages.
    return { topics, after: sequence, through: Math.min(lost, end), newestOnly: this.isNewestOnly };
  }

  /**
   * What is lost that the reader does not know of.
   *
   * @param page what the backplane has of what is `missing`
   */
  untold(page?: HistoryPage): Loss[] {
    // Of what was lost before the newest events of their topics it does not matter.
    if (this.isNewestOnly && !this.notice) return [];
    const losses: Loss[] = [];
    for (const subscription of this.all) {
      const lost = this.lossOf(subscription.lost, subscription, page);
      // What is told covers all that is gone by now.
      const through = this.lossOf(subscription.gone, subscription, page);
      if (this.notice) losses.push({ subscription, through });
      else if (subscription.isLenient) subscription.waive(through, this.window.journal.count);
      else if (!subscription.isServed && lost > Math.max(subscription.known, this.sequence))
        losses.push({ subscription, through });
    }
    if (!this.notice) this.isLenient = false;
    return losses;
  }

  /**
   * Notes that the reader is told of `losses`, and goes on to right before the next event there is, or to `through`: who
   * resumes from there is not told again. Returns what was read to find that.
   */
  tell(losses: readonly Loss[], through: number, page: HistoryPage | undefined, entries: number): Stretch {
    for (const loss of losses) loss.subscription.tell(loss.through, this.sequence);
    this.notice = undefined;
    const next = this.read(through, page, { bytes: 1, entries });
    this.sequence = next.events[0] ? next.events[0].sequence - 1 : next.through;
    return next;
  }

  /** The next events up to `through`, as far as the limit goes, or a page of the backplane. */
  read(
    through: number,
    page: HistoryPage | undefined,
    limit: Partial<ReadLimit> & { entries: number },
  ): Stretch {
    const { bytes, entries } = { bytes: pageBytes, ...limit };
    const end = Math.min(through, page?.through ?? through);
    const recent = this.isNewestOnly
      ? this.window.readNewest(this.topics, this.conflated, this.sequence, end, { bytes, entries })
      : this.window.read(this.topics, this.sequence, end, { bytes, entries });
    const older = page ? cut(page.events, this.sequence, end, bytes, entries) : undefined;
    const reached = Math.min(recent.through, older?.through ?? end);
    const events =
      older && older.events.length > 0 ? mergeEvents(recent.events, older.events, reached) : recent.events;
    const wanted = this.wanted(events);
    const looked = recent.looked + (older?.looked ?? 0);
    const sifted = wanted === events ? 0 : events.length * this.topics.wildcardCount;
    return { events: wanted, through: reached, looked: looked + sifted };
  }

  /** Whether it brings an event, whatever was lost. */
  brings(event: LogEvent): boolean {
    return this.some(event.topic, (each) => each.brings(event));
  }

  /** Whether it has brought an event that is lost by now, or told of the loss as the one of that number. */
  accountsFor(topic: string, sequence: number, number: number): boolean {
    return this.some(topic, (each) => each.accountsFor(topic, sequence, number));
  }

  /** Notes on `other` whether one of its own has brought, or told of, all that it asks for. */
  serve(other: Subscription): void {
    this.some(other.pattern, (each) => each.serve(other));
  }

  /** Whether of everything up to `through` only the newest event of each topic is wanted. */
  private wantsNewestOnly(through: number): boolean {
    const asOf = this.conflated;
    if (asOf <= this.sequence || asOf < through) return false;
    for (const { after } of this.all) if (after !== asOf) return false;
    return true;
  }

  /** Of some topic only the newest event is wanted up to here. */
  private get conflated(): number {
    let conflated = 0;
    for (const { after } of this.all) conflated = Math.max(conflated, after);
    return conflated;
  }

  /** How far a subscription has lost something for sure: neither the window has it, nor the backplane. */
  private lossOf(lost: number, { pattern }: Subscription, page: HistoryPage | undefined): number {
    return lost > this.window.recoverable ? lost : Math.min(lost, page?.lost.get(pattern) ?? 0);
  }

  /** Those of some events that are wanted: not one that is older than the newest where only that is. */
  private wanted(events: readonly LogEvent[]): readonly LogEvent[] {
    const { conflated } = this;
    if (events.length === 0 || events[0]!.sequence > conflated) return events;
    return events.filter(
      (event) =>
        event.sequence > conflated || this.some(event.topic, (each) => each.wants(event, this.window)),
    );
  }

  /** Asks those that may cover a topic or pattern. */
  private some(pattern: string, test: (subscription: Subscription) => boolean): boolean {
    const own = this.subscriptions.get(pattern);
    if (own && test(own)) return true;
    for (const wildcard of this.topics.wildcards) if (test(this.subscriptions.get(wildcard)!)) return true;
    return false;
  }
}

/** Some of a page's events after a position: as many as the limits allow, but at least one. */
function cut(
  events: readonly LogEvent[],
  after: number,
  end: number,
  bytes: number,
  entries: number,
): Stretch {
  const some: LogEvent[] = [];
  let taken = 0;
  let looked = 0;
  for (const event of events) {
    if (event.sequence <= after) continue;
    if (event.sequence > end) break;
    if (some.length > 0 && (taken >= bytes || some.length >= entries))
      return { events: some, through: some.at(-1)!.sequence, looked };
    some.push(event);
    looked += encodingCost(event);
    taken += event.data.length + event.topic.length;
  }
  return { events: some, through: end, looked };
}

/** Both in order up to `through`, and of what both have the window's own. */
function mergeEvents(recent: readonly LogEvent[], older: readonly LogEvent[], through: number): LogEvent[] {
  const bySequence = new Map([...older, ...recent].map((event) => [event.sequence, event]));
  return [...bySequence.values()]
    .filter(({ sequence }) => sequence <= through)
    .sort((a, b) => a.sequence - b.sequence);
}
