import type { HistoryPage } from '../../contracts/backplane.js';
import type { GapReason } from '../../contracts/connection.js';
import type { LogEvent } from '../../contracts/event.js';
import { TopicSet } from '../topics/topic-set.js';
import type { ReadLimit, ReadResult } from '../window/entry-reader.js';
import type { Window } from '../window/window.js';
import { cut, mergeEvents, withoutRemoved } from './page-events.js';
import type { PageQuery } from './history-reader.js';
import { LossWatch, type Watched } from './loss-watch.js';
import type { SnapshotLoad } from './snapshot-load.js';
import { SubscriptionSet } from './subscription-set.js';
import { Subscription, type Loss } from './subscription.js';
import { unfound, unreported } from './unreported.js';

/** How much of the log is read at once, in bytes of payload. */
const readBytes = 64 * 1024;

/** Subscriptions of one connection that move through the log together: all of them are at the same position. */
export class Track implements Watched {
  /** The position that was asked for is not in this log: the client is told of a gap, before anything else. */
  startGap: GapReason | undefined;
  private readonly set: SubscriptionSet;
  /** Whether one of them accepts losses, and has not been checked. */
  acceptsLoss = false;
  /** Its events are written without their ids. */
  hidesIds = false;
  /** Fresh snapshots of these are brought before the track goes on. */
  awaited: Set<Subscription> | undefined;
  /** Those, as far as they are loaded. */
  load: SnapshotLoad | undefined;
  /** Up to here its events are written without their ids: its client begins again if it is cut off. */
  private hiddenThrough = 0;
  /** Its client was told to forget state, since removals up to here were dropped. */
  private resetThrough = 0;
  /** How many events of each topic are wanted where only the newest are. */
  newestCount = 1;
  /** The same, while nothing else is read; `undefined` while all events are. */
  newest: number | undefined;
  isAccountedFor: Watched['isAccountedFor'];
  accountingCost = 0;
  /** State that is read once more before the track goes on: see `reset`. */
  state: Track | undefined;
  /** Where its client begins again if it is cut off before it has that state. */
  private stateFrom = 0;
  /** Only while the track is not live. */
  private watch: LossWatch | undefined;
  /** The newest event that the topics had when only the newest of each were wanted. */
  private newestKnown: number | undefined;

  constructor(
    private readonly window: Window,
    /** Every event of the topics up to here was delivered, or reported as lost. */
    public sequence: number,
    /** The reason that the client is given if events are lost. */
    public reason: GapReason,
    readonly topics = new TopicSet(),
  ) {
    this.set = new SubscriptionSet(topics);
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.set.byPattern;
  }

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

  /** It has reached the end of the log: from here on it gets what the fan-out brings. */
  wentLive(): void {
    this.reason = 'slow';
    this.resetThrough = 0;
    this.watch = undefined;
  }

  /** From where its client gets all that it has not brought yet; `undefined` if that is no position of this log. */
  get resumesFrom(): number | undefined {
    if (this.startGap || this.isHidden) return undefined;
    return this.state ? this.stateFrom : this.sequence;
  }

  /** Whether a client that resumes from its position gets everything. */
  get isResumable(): boolean {
    return !this.startGap && !this.state && !this.awaited && !this.isHidden;
  }

  /** Whether its next events are written without their ids, up to a position that it has not reached. */
  get isHidden(): boolean {
    return this.sequence < this.hiddenThrough;
  }

  /** How far it may be read at once. */
  next(through: number): number {
    return this.isHidden ? Math.min(through, this.hiddenThrough) : through;
  }

  /** Goes on from `sequence`, up to `hiddenThrough` without ids. */
  restart(sequence: number, hiddenThrough: number): void {
    this.sequence = sequence;
    this.hiddenThrough = hiddenThrough;
    this.watch = undefined;
  }

  /** Notes that fresh snapshots of these are to be brought before it goes on, instead of what they have lost. */
  await(subscriptions: Iterable<Subscription>): void {
    for (const each of subscriptions) {
      (this.awaited ??= new Set()).add(each);
      each.isReset = true;
    }
    if (!this.startGap || [...this.all].every(({ isReset }) => isReset)) this.passStart();
  }

  /** The snapshots of these are there. */
  loaded(topics: readonly string[]): void {
    this.load = undefined;
    for (const topic of topics) this.awaited?.delete(this.subscriptions.get(topic)!);
    if (this.awaited?.size === 0) this.awaited = undefined;
  }

  has(pattern: string): boolean {
    return this.subscriptions.has(pattern);
  }

  add(subscription: Subscription): void {
    const own = this.set.add(subscription);
    this.acceptsLoss ||= own.acceptsLoss;
    this.watch?.add(own);
  }

  /** Returns the subscription; `undefined` if there was none. */
  delete(pattern: string): Subscription | undefined {
    const old = this.set.delete(pattern);
    if (!old) return undefined;
    this.state?.delete(pattern);
    this.awaited?.delete(old);
    this.loaded([]);
    if (this.size === 0) this.startGap = undefined;
    return old;
  }

  /**
   * Finds out what is lost after its position, with about `effort` entries of work. Returns what it cost.
   *
   * @param through how far the track is read next
   */
  check(through: number, effort: number): number {
    const { newest } = this;
    this.newest = this.wantsNewestOnly(through) ? this.newestCount : undefined;
    // Other losses matter then.
    if (newest !== this.newest) this.watch = undefined;
    return (this.watch ??= new LossWatch(this.window)).update(this, effort);
  }

  /** Whether it knows everything that is lost by now, so that it may be read on. */
  get isChecked(): boolean {
    return this.watch?.isCurrent ?? false;
  }

  noteLoss(topic: string, sequence: number, lossNumber: number, isMissed: boolean): void {
    this.set.noteLoss(topic, sequence, lossNumber, isMissed);
  }

  /** What has to be read from the backplane, because the window has lost it and the backplane may still have it. */
  missing(through: number): PageQuery | undefined {
    const { window, sequence, startGap, newest } = this;
    // A gap at the start reports everything that is lost by now, not only what is read next.
    const end = startGap ? window.recoverable : Math.min(through, window.recoverable);
    if (sequence >= end) return undefined;
    const topics: string[] = [];
    let lost = 0;
    for (const each of this.all) {
      if (each.isRedundant) continue;
      topics.push(each.pattern);
      lost = Math.max(lost, startGap ? each.lostThrough : each.missedThrough);
    }
    if (lost <= sequence) return undefined;
    // The query has all topics, whichever lost something: so clients with the same topics share the pages.
    const known = Math.min(lost, end);
    // Several newest events are counted from the newest one on, wherever that is.
    const isCounted = newest !== undefined && newest > 1;
    const asOf = isCounted ? (this.newestKnown ??= window.newestOf(this.topics, through)) : 0;
    const dropped =
      newest === undefined ? this.resetThrough : Math.max(this.resetThrough, window.droppedRemoval);
    return { topics, after: sequence, through: Math.max(known, asOf), newest, dropped };
  }

  /**
   * What is lost that the client does not know of.
   *
   * @param page what the backplane has of what is `missing`
   */
  unreported(page?: HistoryPage): Loss[] {
    if (this.newest !== undefined && !this.startGap) return unfound(this, this.set.conflatedThrough, page);
    const losses = unreported(this, this.window, page);
    if (!this.startGap) this.acceptsLoss = false;
    return losses;
  }

  /**
   * Notes that the client is told to forget what it has of these state topics. What they are as of the track's position is
   * read once more, before the track goes on: its client may resume from there only when it has all of that.
   */
  reset(losses: readonly Loss[]): void {
    this.stateFrom = this.startGap ? 0 : this.sequence;
    this.state = new Track(this.window, 0, this.reason);
    this.state.hidesIds = true;
    for (const { subscription, through } of losses) {
      subscription.report(through, this.sequence);
      subscription.isReset = true;
      this.resetThrough = this.state.resetThrough = Math.max(this.resetThrough, through);
      this.state.add(new Subscription(subscription.pattern, this.sequence));
    }
    if (!this.startGap || [...this.all].every(({ isReset }) => isReset)) this.passStart();
  }

  /**
   * Notes that the client is told of `losses`, and moves to right before the next event, or to `through`: a client that
   * resumes from there is not told again. Returns what was read to find that event.
   */
  report(
    losses: readonly Loss[],
    through: number,
    page: HistoryPage | undefined,
    entries: number,
  ): ReadResult {
    for (const loss of losses) loss.subscription.report(loss.through, this.sequence);
    this.passStart();
    const next = this.read(through, page, { bytes: 1, entries });
    this.sequence = next.events[0] ? next.events[0].sequence - 1 : next.through;
    return next;
  }

  /** The next events up to `through`, as far as the limit and the page go. */
  read(
    through: number,
    page: HistoryPage | undefined,
    limit: Partial<ReadLimit> & { entries: number },
  ): ReadResult {
    const { bytes, entries } = { bytes: readBytes, ...limit };
    const end = Math.min(through, page?.through ?? through);
    const newest = this.newest !== undefined && { count: this.newest, asOf: this.set.conflatedThrough };
    const recent = newest
      ? this.window.readNewest(this.topics, newest, this.sequence, end, { bytes, entries })
      : this.window.read(this.topics, this.sequence, end, { bytes, entries });
    const older = page ? cut(page.events, this.sequence, end, bytes, entries) : undefined;
    const reached = Math.min(recent.through, older?.through ?? end);
    const there = older ? withoutRemoved(older.events, this.window) : [];
    const events = there.length > 0 ? mergeEvents(recent.events, there, reached) : recent.events;
    const wanted = this.set.wanted(events, this.window, this.newestCount);
    const filterCost = wanted === events ? 0 : events.length * this.topics.wildcardCount;
    return { events: wanted, through: reached, cost: recent.cost + (older?.cost ?? 0) + filterCost };
  }

  private passStart(): void {
    this.startGap = undefined;
    for (const each of this.all) each.isReset = false;
  }

  /** Whether it brings an event, unless that is lost. */
  brings(event: LogEvent): boolean {
    return this.set.brings(event);
  }

  /** Whether a lost event is accounted for by one of its subscriptions. */
  accountsFor(topic: string, sequence: number, lossNumber: number): boolean {
    return this.set.accountsFor(topic, sequence, lossNumber);
  }

  /** Marks `other` as redundant if all that it asks for is accounted for by one of its subscriptions. */
  markRedundant(other: Subscription): void {
    this.set.markRedundant(other);
  }

  /** Whether of everything up to `through` only the newest events of each topic are wanted. */
  private wantsNewestOnly(through: number): boolean {
    const asOf = this.set.conflatedThrough;
    return asOf > this.sequence && asOf >= through && this.set.isConflated(asOf);
  }
}
