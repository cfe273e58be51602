import type { LogEvent } from '../contracts/event.js';
import { covers } from '../contracts/topic.js';
import type { Window } from './window.js';

/** One of a connection's topics or patterns. */
export class Subscription {
  /** As of this sequence, the newest event of each topic is brought too, whatever `after` is. */
  newestAsOf = 0;
  /** That events up to here are lost is no news for the reader. */
  told = 0;

  constructor(
    readonly pattern: string,
    /** All events behind it are brought. */
    public after: number,
  ) {}

  /** Of what is there as of a sequence brings only the newest of each topic, for which it does not matter what is lost. */
  conflate(asOf: number): void {
    this.after = this.newestAsOf = this.told = asOf;
  }

  /** Stands also for another one on the same pattern. */
  merge(other: Subscription): void {
    this.after = Math.min(this.after, other.after);
    this.newestAsOf = Math.min(this.newestAsOf || Infinity, other.newestAsOf || Infinity);
    if (this.newestAsOf === Infinity) this.newestAsOf = 0;
    this.told = Math.min(this.told, other.told);
  }

  /** Whether it brings a retained event. */
  brings(event: LogEvent, window: Window): boolean {
    if (!covers(this.pattern, event.topic)) return false;
    return event.sequence > this.after || window.isNewest(event, this.newestAsOf);
  }

  /** Whether it brings all events of `pattern` behind `after`. */
  bringsAll(pattern: string, after: number): boolean {
    return this.after <= after && covers(this.pattern, pattern);
  }
}
