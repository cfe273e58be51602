import type { PushError } from '../../contracts/errors.js';
import type { LogEvent } from '../../contracts/event.js';
import { parsePosition, type Position } from '../../contracts/position.js';
import { isNamedStart, newestOf } from '../../contracts/start.js';
import type { Window } from '../window/window.js';
import { resumptionOf } from './resumption-of.js';
import type { SnapshotLoad } from './snapshot-load.js';
import { Subscription } from './subscription.js';
import { Track } from './track.js';
import type { Mismatch } from './unverified-positions.js';

/** Called with an id, and with the topics that are at that position: those that have not been removed meanwhile. */
export type PositionListener = (id: string, topics: readonly string[]) => void;

/** How topics are added to a cursor. */
export interface SubscribeOptions {
  /**
   * Called once the topics have caught up with the connection's other ones, with the id of that position. Until then
   * nothing else is delivered.
   */
  readonly onLive?: PositionListener;
  /** Deliver also what another topic or pattern of the connection has brought before. Default: `false`. */
  readonly repeat?: boolean;
  /** Bring a fresh snapshot after each gap of a topic. All of them have loaders. Default: only where they start by one. */
  readonly snapshot?: boolean;
  /** Called instead of ending the connection, if the snapshots that the topics start by cannot be loaded. */
  readonly onFailed?: (error: PushError) => void;
}

/** What prints positions. */
interface Log {
  print(sequence: number): string;
}

/** What a client asked for in one call of `Cursor.subscribe`. */
export interface CatchUpRequest {
  readonly patterns: readonly string[];
  /** `now`, `last`, `last:n`, `earliest`, `start`, `snapshot` or an id. */
  readonly start: string;
  /** Called with the id of where the topics start, before anything of them is delivered. */
  readonly onStart: PositionListener | undefined;
  readonly options: SubscribeOptions;
}

/** Topics that are added to a cursor: they are read from their start until they reach its main track, and then become part of it. */
export class CatchUp {
  readonly track: Track;
  /** The position that it resumes from, as long as it is not known whether that is in the log and this node there. */
  unverified: Position | undefined;
  /** Whether its turn has come, and `onStart` was called. */
  hasBegun = false;
  /** The snapshots that its topics start by. */
  load: SnapshotLoad | undefined;
  /** Of these it is still to be found out whether the main track has brought everything before. */
  private uncompared: Subscription[] = [];
  /** The main track has brought everything before: a client that asks again and again for the past costs no more reads. */
  private isRedundant = false;
  /** Topics that the main track had when this began, and that were removed since. What they brought is not brought again. */
  private readonly removed: Subscription[] = [];

  /** @param epoch of the log that the cursor reads */
  constructor(
    private readonly window: Window,
    private readonly main: Track,
    epoch: string,
    readonly request: CatchUpRequest,
  ) {
    const { start, patterns } = request;
    this.track = new Track(window, 0, 'evicted');
    if (start === 'now') this.track.sequence = main.sequence;
    else if (!isNamedStart(start)) this.resume(start, epoch);
    for (const pattern of patterns) {
      const subscription = new Subscription(pattern, this.track.sequence);
      subscription.hasSnapshots = this.startsBySnapshot || (request.options.snapshot ?? false);
      this.track.add(subscription);
    }
  }

  private get startsBySnapshot(): boolean {
    return this.request.start === 'snapshot';
  }

  /** Whether it waits for the snapshots that its topics start by. Its turn comes when they are there. */
  get isLoading(): boolean {
    if (!this.isUnplaced || this.track.size === 0) return false;
    return !this.load?.isDone;
  }

  /** Whether it begins again in another log: nothing depends on the one that the cursor has read. */
  get isUnbegun(): boolean {
    return this.unverified !== undefined || this.isUnplaced;
  }

  /** Whether it is not known yet where it starts: its snapshots say that. */
  get isUnplaced(): boolean {
    return this.startsBySnapshot && !this.hasBegun;
  }

  /** Whether its client keeps a position for it. */
  get keepsPosition(): boolean {
    return this.request.options.onLive !== undefined && !this.isUnplaced;
  }

  /** Where the other topics of the connection have to be before it begins. */
  get earliest(): number {
    const positions = this.load?.snapshots.map(({ event }) => event.sequence) ?? [];
    return Math.max(this.track.sequence, ...positions);
  }

  /** Takes out a topic or pattern. */
  delete(pattern: string): void {
    this.track.delete(pattern);
    this.load?.delete(pattern);
  }

  /** It is known whether the position that it resumes from is in the log. */
  settle(mismatch: Mismatch | undefined): void {
    const { unverified, track } = this;
    this.unverified = undefined;
    if (!mismatch) this.startAt(unverified!.sequence);
    // Nothing is reported for topics that were removed meanwhile.
    else if (track.size > 0) track.startGap = mismatch;
  }

  /** The same request, in another log. */
  restarted(main: Track, epoch: string): CatchUp {
    return new CatchUp(this.window, main, epoch, { ...this.request, patterns: this.track.patterns });
  }

  /** Its turn has come. */
  begin(log: Log): void {
    this.prepare();
    this.hasBegun = true;
    this.request.onStart?.(resumptionOf(this.track, log), this.track.patterns);
  }

  private prepare(): void {
    const { track, main } = this;
    const { start } = this.request;
    const newest = newestOf(start);
    if (newest !== undefined) {
      track.newestCount = newest;
      for (const each of track.all) each.conflate(main.sequence);
    }
    track.acceptsLoss = start === 'earliest';
    for (const each of track.all) each.acceptsLoss = track.acceptsLoss;
    if (this.startsBySnapshot && track.size === 0) track.sequence = main.sequence;
    if (this.isAllOfIt || newest !== undefined || main.size === 0) return;
    this.isRedundant = !track.startGap && track.size > 0;
    if (this.isRedundant) this.uncompared = [...track.all];
    track.isAccountedFor = (topic, sequence, lossNumber) => this.isAccountedFor(topic, sequence, lossNumber);
    track.accountingCost = main.topics.wildcardCount;
  }

  /** Goes on to compare its topics with those of the main track. Returns what that cost; 0 once it is done. */
  compare(effort: number): number {
    const { main, track, uncompared } = this;
    const each = 1 + main.topics.wildcardCount;
    let cost = 0;
    while (cost < effort && uncompared.length > 0) {
      const subscription = uncompared.pop()!;
      main.markRedundant(subscription);
      this.isRedundant &&= subscription.isRedundant;
      cost += each;
    }
    if (uncompared.length === 0 && this.isRedundant) track.sequence = main.sequence;
    return cost;
  }

  /** A topic was removed from the main track. */
  mainLost(removed: Subscription): void {
    if (this.hasBegun) this.removed.push(removed);
  }

  /** Those of some events that the connection has not got by its other topics. */
  news(events: readonly LogEvent[]): readonly LogEvent[] {
    if (this.isAllNews) return events;
    const news = events.filter(
      (event) => !this.main.brings(event) && !this.removed.some((each) => each.brings(event)),
    );
    return news.length === events.length ? events : news;
  }

  /** What `news` costs for each event, in entries of the log. */
  get newsCost(): number {
    return this.isAllNews ? 0 : 1 + this.main.topics.wildcardCount + this.removed.length;
  }

  /** It brings also what other topics have brought before. After a snapshot the client needs that again. */
  private get isAllOfIt(): boolean {
    return this.startsBySnapshot || (this.request.options.repeat ?? false);
  }

  private get isAllNews(): boolean {
    return this.isAllOfIt || this.main.size + this.removed.length === 0;
  }

  /** It has reached the main track, which takes over its topics. */
  end(log: Log): void {
    const { main, track, window } = this;
    for (const subscription of track.all) {
      const { isRedundant, acceptsLoss, lostThrough } = subscription;
      if (isRedundant) subscription.reported = Math.max(subscription.reported, main.sequence);
      subscription.isRedundant = false;
      subscription.acceptsLoss = acceptsLoss && lostThrough > main.sequence;
      // What the backplane may still have is checked together with the other topics.
      if (subscription.acceptsLoss && lostThrough > window.recoverable)
        subscription.acceptLoss(lostThrough, window.journal.count);
      main.add(subscription);
    }
    this.request.options.onLive?.(resumptionOf(main, log), track.patterns);
  }

  /** The log was opened for the first time: topics that start `now` start at its head. */
  opened(head: number): void {
    if (this.request.start === 'now') this.startAt(head);
  }

  private isAccountedFor(topic: string, sequence: number, lossNumber: number): boolean {
    // The main track will report it, and these topics with its own.
    if (sequence > this.main.sequence) return true;
    if (this.main.accountsFor(topic, sequence, lossNumber)) return true;
    return this.removed.some((each) => each.accountsFor(topic, sequence, lossNumber));
  }

  private startAt(sequence: number): void {
    this.track.sequence = sequence;
    for (const subscription of this.track.all) subscription.after = sequence;
  }

  private resume(id: string, epoch: string): void {
    const position = parsePosition(id);
    if (!position) this.track.startGap = 'malformed';
    else if (position.epoch !== epoch || position.sequence > this.window.head) this.unverified = position;
    else this.track.sequence = position.sequence;
  }
}
