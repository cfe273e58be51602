import type { LogEvent } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import type { TopicSet } from '../topics/topic-set.js';
import type { Window } from '../window/window.js';
import type { Subscription } from './subscription.js';

/** The subscriptions of a track, by pattern, and what all of them together say of an event or a topic. */
export class SubscriptionSet {
  private readonly all = new Map<string, Subscription>();

  /** @param topics has the patterns of them all, and nothing else */
  constructor(private readonly topics: TopicSet) {}

  get byPattern(): ReadonlyMap<string, Subscription> {
    return this.all;
  }

  /** Adds a subscription, or merges it into the one of its pattern. Returns the one that is there now. */
  add(subscription: Subscription): Subscription {
    const { pattern } = subscription;
    const old = this.all.get(pattern);
    if (old) {
      old.merge(subscription);
      return old;
    }
    this.all.set(pattern, subscription);
    this.topics.add(pattern);
    return subscription;
  }

  /** Returns the subscription; `undefined` if there was none. */
  delete(pattern: string): Subscription | undefined {
    const old = this.all.get(pattern);
    if (!old) return undefined;
    this.all.delete(pattern);
    this.topics.delete(pattern);
    return old;
  }

  /** Whether one of them brings an event, unless that is lost. */
  brings(event: LogEvent): boolean {
    return this.some(event.topic, (each) => each.brings(event));
  }

  /** Whether a lost event is accounted for by one of them. */
  accountsFor(topic: string, sequence: number, lossNumber: number): boolean {
    return this.some(topic, (each) => each.accountsFor(topic, sequence, lossNumber));
  }

  /** Marks `other` as redundant if all that it asks for is accounted for by one of them. */
  markRedundant(other: Subscription): void {
    this.some(other.pattern, (each) => each.markRedundant(other));
  }

  /** Notes a loss on the subscriptions to its topic. */
  noteLoss(topic: string, sequence: number, lossNumber: number, isMissed: boolean): void {
    this.some(topic, (each) => {
      if (covers(each.pattern, topic)) each.noteLoss(sequence, lossNumber, isMissed);
      return false;
    });
  }

  /** Up to here, only the newest events of some topics are wanted. */
  get conflatedThrough(): number {
    let conflated = 0;
    for (const { after } of this.all.values()) conflated = Math.max(conflated, after);
    return conflated;
  }

  /** Whether of everything up to `asOf` only the newest events of each topic are wanted. */
  isConflated(asOf: number): boolean {
    for (const { after } of this.all.values()) if (after !== asOf) return false;
    return true;
  }

  /**
   * Leaves out events that are not among the newest of their topic where only those are wanted, and those that a snapshot has.
   *
   * @param count how many of the newest are wanted
   */
  wanted(events: readonly LogEvent[], window: Window, count: number): readonly LogEvent[] {
    const through = Math.max(this.conflatedThrough, this.skippedThrough);
    if (events.length === 0 || events[0]!.sequence > through) return events;
    return events.filter(
      (event) =>
        event.sequence > through || this.some(event.topic, (each) => each.wants(event, window, count)),
    );
  }

  /** Up to here, some topics bring nothing: their snapshots have it. */
  private get skippedThrough(): number {
    let skipped = 0;
    for (const each of this.all.values()) skipped = Math.max(skipped, each.skippedThrough);
    return skipped;
  }

  /** Tests those that may cover a topic or pattern, until one passes. */
  private some(pattern: string, test: (subscription: Subscription) => boolean): boolean {
    const own = this.all.get(pattern);
    if (own && test(own)) return true;
    for (const wildcard of this.topics.wildcards) if (test(this.all.get(wildcard)!)) return true;
    return false;
  }
}
