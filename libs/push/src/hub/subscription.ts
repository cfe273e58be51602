import type { LogEvent } from '../contracts/event.js';
import { covers } from '../contracts/topic.js';
import type { Window } from './window.js';

/** One of a connection's topics or patterns. */
export class Subscription {
  /** Of the events up to here only the newest of each topic is wanted. */
  newestThrough: number;
  /** That events up to here are lost is no news for the reader. */
  told = 0;

  constructor(
    readonly pattern: string,
    /** The events behind it are wanted. */
    readonly after: number,
  ) {
    this.newestThrough = after;
  }

  /** Whether it brings a retained event. */
  brings(event: LogEvent, window: Window): boolean {
    if (event.sequence <= this.after || !covers(this.pattern, event.topic)) return false;
    return event.sequence > this.newestThrough || window.isNewest(event, this.newestThrough);
  }

  /** Whether it brings all events of `pattern` behind `after`. */
  bringsAll(pattern: string, after: number): boolean {
    return this.newestThrough <= after && covers(this.pattern, pattern);
  }
}
