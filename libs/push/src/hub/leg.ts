import type { GapReason } from '../contracts/connection.js';
import type { LogEvent } from '../contracts/event.js';
import { Subscription } from './subscription.js';
import { TopicSet } from './topic-set.js';
import type { Window } from './window.js';

/** How much of the log is read at once, in bytes of payload. */
const pageBytes = 64 * 1024;

/** A way through the log that a cursor takes for some of its topics. */
export class Leg {
  /** Said once, before anything else: the position that was asked for is not in this log. */
  notice: GapReason | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private set: TopicSet | undefined;
  private checkedLosses = -1;

  constructor(
    private readonly window: Window,
    /** Everything of the topics up to here is delivered, or told to be lost. */
    public sequence: number,
    /** Why events would be missing. */
    public reason: GapReason,
  ) {}

  get all(): readonly Subscription[] {
    return [...this.subscriptions.values()];
  }

  get patterns(): readonly string[] {
    return [...this.subscriptions.keys()];
  }

  get topics(): TopicSet {
    return (this.set ??= new TopicSet(this.subscriptions.keys()));
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
    else this.subscriptions.set(subscription.pattern, subscription);
    this.set = undefined;
    this.checkedLosses = -1;
  }

  delete(pattern: string): void {
    if (!this.subscriptions.delete(pattern)) return;
    this.set = undefined;
    if (this.size === 0) this.notice = undefined;
  }

  /** The subscriptions whose reader misses something that it does not know of. */
  untold(): Subscription[] {
    if (this.notice) return [...this.all];
    const { losses } = this.window;
    if (this.checkedLosses === losses) return [];
    this.checkedLosses = losses;
    return this.all.filter(
      ({ pattern, told }) => this.window.lostThrough(pattern) > Math.max(told, this.sequence),
    );
  }

  /**
   * Notes that the reader is told what `subscriptions` have lost, and goes on to right before the next event there is, or
   * to `through`: who resumes from there is not told again.
   */
  tell(subscriptions: readonly Subscription[], through: number): void {
    for (const subscription of subscriptions) {
      subscription.told = this.window.lostThrough(subscription.pattern);
    }
    this.notice = undefined;
    const [next] = this.read(through, 1);
    this.sequence = next ? next.sequence - 1 : through;
  }

  /** The next events up to `through`: at least one, unless there is none. */
  read(through: number, bytes = pageBytes): LogEvent[] {
    const asOf = this.all[0]?.newestAsOf ?? 0;
    const isNewestOnly = this.all.every((each) => each.newestAsOf === asOf && each.after >= through);
    return isNewestOnly
      ? this.window.readNewest(this.topics, asOf, this.sequence, through, bytes)
      : this.window.read(this.topics, this.sequence, through, bytes);
  }

  /** Those of the events of a page that are wanted: not one that is older than the newest where only that is. */
  wanted(page: readonly LogEvent[]): readonly LogEvent[] {
    const conflated = Math.max(...this.all.map(({ after }) => after));
    return page.filter((event) => event.sequence > conflated || this.brings(event));
  }

  /** Whether it brings a retained event. */
  brings(event: LogEvent): boolean {
    return this.candidates(event.topic).some((subscription) => subscription.brings(event, this.window));
  }

  /** Whether it brings all events of `pattern` behind `after`. */
  bringsAll(pattern: string, after: number): boolean {
    return this.candidates(pattern).some((subscription) => subscription.bringsAll(pattern, after));
  }

  /** The subscriptions that may cover a topic or pattern: few, most of the time. */
  private candidates(pattern: string): Subscription[] {
    const own = this.subscriptions.get(pattern);
    const wildcards = this.topics.wildcards.map((wildcard) => this.subscriptions.get(wildcard)!);
    return own ? [own, ...wildcards] : wildcards;
  }
}
