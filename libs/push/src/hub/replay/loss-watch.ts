import { isWildcard } from '../../contracts/topic.js';
import type { TopicSet } from '../topics/topic-set.js';
import { matchingCost } from '../window/entry-reader.js';
import type { Window } from '../window/window.js';
import type { Subscription } from './subscription.js';

/** How many nodes of the topic tree cost as much to visit as one entry of the log. */
const nodesPerEntry = 4;

/** How many losses before the reader's position cost as much to skip as one entry. */
const skippedPerEntry = 16;

/** Subscriptions that want to know of losses. A track is one. */
export interface Watched {
  readonly topics: TopicSet;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** Losses up to here do not matter any more. */
  readonly sequence: number;
  /** Losses of a topic do not matter as long as so many of its newest events are there; `undefined` if all matter. */
  readonly newest: number | undefined;
  /** Whether a lost event is accounted for by other topics of the connection; `undefined` if none is. */
  readonly isAccountedFor: ((topic: string, sequence: number, lossNumber: number) => boolean) | undefined;
  /** What it costs to ask that, in entries. */
  readonly accountingCost: number;
  /** Notes a loss on the subscriptions to its topic. */
  noteLoss(topic: string, sequence: number, lossNumber: number, isMissed: boolean): void;
}

/**
 * Knows what the window has lost of some topics. It searches once, in pieces, and from then on follows the window's journal
 * of losses, so that its work does not grow with the number of topics.
 */
export class LossWatch {
  private unchecked: Subscription[] = [];
  private walk: Generator<void, number> | undefined;
  /** The subscriptions that are checked know of all losses before this number. */
  private next = -1;

  constructor(private readonly window: Window) {}

  /** Whether it knows of every loss up to now. */
  get isCurrent(): boolean {
    return this.unchecked.length === 0 && this.next === this.window.journal.count;
  }

  /** Watches one more. */
  add(subscription: Subscription): void {
    this.unchecked.push(subscription);
  }

  /** Finds out what it does not know yet, with about `effort` entries of work. Returns what it cost. */
  update(watched: Watched, effort: number): number {
    const { newestLoss, journal } = this.window;
    if (newestLoss <= watched.sequence) {
      if (!this.isCurrent) this.startAt(journal.count, []);
      return 0;
    }
    if (this.next < journal.first || this.isCheaperFromStart(watched)) this.restart(watched);
    const left = this.follow(watched, this.check(watched, effort));
    return effort - left;
  }

  /** Exact topics are looked up at once: that may be less work than to follow the losses since. */
  private isCheaperFromStart({ topics, subscriptions, isAccountedFor }: Watched): boolean {
    if (isAccountedFor || topics.wildcardCount > 0 || this.unchecked.length > 0) return false;
    return this.window.journal.count - this.next > subscriptions.size;
  }

  private restart(watched: Watched): void {
    const { journal } = this.window;
    const all = [...watched.subscriptions.values()];
    for (const subscription of all) subscription.missedThrough = subscription.lostThrough = 0;
    // Where the journal has each loss by itself, it is known which of them are accounted for.
    if (watched.isAccountedFor && watched.sequence >= journal.floor) this.startAt(journal.first, []);
    else this.startAt(journal.count, all);
  }

  private startAt(next: number, unchecked: Subscription[]): void {
    this.next = next;
    this.unchecked = unchecked;
    this.walk = undefined;
  }

  /** Searches for subscriptions that are not checked. Returns what is left of the effort. */
  private check(watched: Watched, effort: number): number {
    let left = effort;
    while (left > 0 && this.unchecked.length > 0) {
      const subscription = this.unchecked.at(-1)!;
      left -= 1;
      const lost = this.find(subscription.pattern, watched, () => (left -= 1 / nodesPerEntry) > 0);
      if (lost === undefined) break;
      subscription.missedThrough = Math.max(subscription.missedThrough, lost);
      subscription.lostThrough = Math.max(subscription.lostThrough, lost);
      this.unchecked.pop();
    }
    return left;
  }

  private find(pattern: string, { sequence, newest }: Watched, mayGoOn: () => boolean): number | undefined {
    const { window } = this;
    if (!isWildcard(pattern))
      return newest === undefined ? window.lostThrough(pattern) : window.newestLostThrough(pattern, newest);
    this.walk ??= window.losses(pattern, sequence, newest);
    for (;;) {
      const step = this.walk.next();
      if (step.done) {
        this.walk = undefined;
        return step.value;
      }
      if (!mayGoOn()) return undefined;
    }
  }

  /** Follows the journal to its end. Returns what is left of the effort. */
  private follow(watched: Watched, effort: number): number {
    const { journal } = this.window;
    let left = effort;
    for (; left > 0 && this.unchecked.length === 0 && this.next < journal.count; this.next++) {
      const sequence = journal.sequenceAt(this.next);
      if (sequence <= watched.sequence) {
        left -= 1 / skippedPerEntry;
        continue;
      }
      left -= 1 + matchingCost(watched.topics);
      const topic = journal.topicAt(this.next);
      if (!watched.topics.has(topic)) continue;
      left -= watched.topics.wildcardCount / 2 + watched.accountingCost;
      if (watched.newest !== undefined && this.window.has(topic, watched.newest)) continue;
      const isMissed = !watched.isAccountedFor?.(topic, sequence, this.next);
      watched.noteLoss(topic, sequence, this.next, isMissed);
    }
    return left;
  }
}
