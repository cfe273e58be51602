import { isWildcard } from '../../contracts/topic.js';
import { matchingCost } from '../window/stretch.js';
import type { Subscription } from './subscription.js';
import type { TopicSet } from '../topics/topic-set.js';
import type { Window } from '../window/window.js';

/** So many nodes of the tree of topics are walked through for what it costs to look at an entry. */
const nodesPerEntry = 4;

/** So many losses that do not matter are passed for that. */
const passedPerEntry = 16;

/** Those whose losses are watched. */
export interface Watched {
  readonly topics: TopicSet;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** Losses up to here do not matter any more. */
  readonly sequence: number;
  /** Whether losses of topics do not matter while their newest event is there. */
  readonly isNewestOnly: boolean;
  /** Whether a loss does not matter because of what else the connection has; `undefined` if there is nothing else, or all matters. */
  readonly isNoLoss: ((topic: string, sequence: number, number: number) => boolean) | undefined;
  /** What it costs to ask that, in entries that are looked at. */
  readonly isNoLossCost: number;
  /** Notes a loss on those that have its topic. */
  lose(topic: string, sequence: number, number: number, matters: boolean): void;
}

/**
 * Knows what the window has lost of some topics: found once, by pieces, and kept by looking at what is lost since, however
 * many topics there are.
 */
export class LossWatch {
  private unchecked: Subscription[] = [];
  private walk: Generator<void, number> | undefined;
  /** Losses before this number are known to those that are checked. */
  private next = -1;

  constructor(private readonly window: Window) {}

  /** Whether everything is known that there is to know now. */
  get isCurrent(): boolean {
    return this.unchecked.length === 0 && this.next === this.window.journal.count;
  }

  /** One more is watched. */
  add(subscription: Subscription): void {
    this.unchecked.push(subscription);
  }

  /** Finds out what it does not know, for about `effort` entries that are looked at. Returns what it cost. */
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

  /** Topics without wildcards are looked up in no time. */
  private isCheaperFromStart({ topics, subscriptions, isNoLoss }: Watched): boolean {
    if (isNoLoss || topics.wildcardCount > 0 || this.unchecked.length > 0) return false;
    return this.window.journal.count - this.next > subscriptions.size;
  }

  private restart(watched: Watched): void {
    const { journal } = this.window;
    const all = [...watched.subscriptions.values()];
    for (const subscription of all) subscription.lost = subscription.gone = 0;
    // As far as each loss is known by itself, those that do not matter are told apart.
    if (watched.isNoLoss && watched.sequence >= journal.floor) this.startAt(journal.first, []);
    else this.startAt(journal.count, all);
  }

  private startAt(next: number, unchecked: Subscription[]): void {
    this.next = next;
    this.unchecked = unchecked;
    this.walk = undefined;
  }

  /** Looks at those of which nothing is known yet. Returns what is left of the effort. */
  private check(watched: Watched, effort: number): number {
    let left = effort;
    while (left > 0 && this.unchecked.length > 0) {
      const subscription = this.unchecked.at(-1)!;
      left -= 1;
      const lost = this.find(subscription.pattern, watched, () => (left -= 1 / nodesPerEntry) > 0);
      if (lost === undefined) break;
      subscription.lost = Math.max(subscription.lost, lost);
      subscription.gone = Math.max(subscription.gone, lost);
      this.unchecked.pop();
    }
    return left;
  }

  private find(
    pattern: string,
    { sequence, isNewestOnly }: Watched,
    mayGoOn: () => boolean,
  ): number | undefined {
    const { window } = this;
    if (!isWildcard(pattern))
      return isNewestOnly ? window.newestLostThrough(pattern) : window.lostThrough(pattern);
    this.walk ??= window.losses(pattern, sequence, isNewestOnly);
    for (;;) {
      const step = this.walk.next();
      if (step.done) {
        this.walk = undefined;
        return step.value;
      }
      if (!mayGoOn()) return undefined;
    }
  }

  /** Looks at what was lost since. Returns what is left of the effort. */
  private follow(watched: Watched, effort: number): number {
    const { journal } = this.window;
    let left = effort;
    for (; left > 0 && this.unchecked.length === 0 && this.next < journal.count; this.next++) {
      const sequence = journal.sequenceAt(this.next);
      if (sequence <= watched.sequence) {
        left -= 1 / passedPerEntry;
        continue;
      }
      left -= 1 + matchingCost(watched.topics);
      const topic = journal.topicAt(this.next);
      if (!watched.topics.has(topic)) continue;
      left -= watched.topics.wildcardCount / 2 + watched.isNoLossCost;
      if (watched.isNewestOnly && this.window.has(topic)) continue;
      watched.lose(topic, sequence, this.next, !watched.isNoLoss?.(topic, sequence, this.next));
    }
    return left;
  }
}
