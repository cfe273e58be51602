import type { LogEvent } from '../contracts/event.js';
import { covers } from '../contracts/topic.js';
import type { Window } from './window.js';

/** One of a connection's topics or patterns. */
export class Subscription {
  /** The reader is told of what is lost up to here. */
  told = 0;
  /** It asks for what there is: what is gone when that is looked at first is no news. */
  isLenient = false;
  /** While it joins: the connection's other topics bring all of it, so that nothing has to be read for it. */
  isServed = false;

  constructor(
    readonly pattern: string,
    /** All events behind it are brought. Of those before, as far as they are still to be read, the newest of each topic. */
    public after: number,
  ) {}

  /** That events up to here are lost is no news: it was told, or does not matter. */
  get known(): number {
    return Math.max(this.told, this.after);
  }

  /** Of what is there as of a sequence brings only the newest of each topic, for which it does not matter what is lost. */
  conflate(asOf: number): void {
    this.after = asOf;
  }

  /** Stands also for another one on the same pattern. */
  merge(other: Subscription): void {
    // One that is lenient has nothing to be told, whatever the other one knows.
    if (this.isLenient === other.isLenient) this.told = Math.min(this.known, other.known);
    else this.told = this.isLenient ? other.known : this.known;
    this.isLenient &&= other.isLenient;
    this.after = Math.min(this.after, other.after);
  }

  /** Whether an event that is read is to be delivered. */
  wants(event: LogEvent, window: Window): boolean {
    if (!covers(this.pattern, event.topic)) return false;
    return event.sequence > this.after || !window.isOutdated(event, this.after);
  }

  /** Whether it brings an event as a part of the log, rather than as the newest of its topic. */
  brings(event: LogEvent): boolean {
    return event.sequence > this.after && covers(this.pattern, event.topic);
  }

  /** Whether it brings all events of `pattern` behind `after`. */
  bringsAll(pattern: string, after: number): boolean {
    return this.after <= after && covers(this.pattern, pattern);
  }
}
