import type { LogEvent } from '../../contracts/event.js';
import { Round, roundBytes, roundEvents } from './round.js';
import { TopicIndex } from '../topics/topic-index.js';
import type { TopicSet } from '../topics/topic-set.js';
import { Audiences } from './audiences.js';
import { Departures, Interest } from './interest.js';
import { Slice } from './slice.js';
import type { Member, Subscribers } from './subscribers.js';

/** How long one turn may be spent on delivering before the event loop gets to do something else, in milliseconds. */
const slice = 10;

/** From here on publishers are made to wait. */
const congestion = 64 * roundBytes;

/**
 * Takes new events from the log to those who want them. What is published in one turn of the event loop is delivered at its
 * end, together: at low rates that is at once, under load it batches by itself.
 */
export class FanOut {
  /** Live members have everything up to this sequence. */
  delivered = 0;
  readonly audiences = new Audiences();
  private readonly index = new TopicIndex<Subscribers>();
  private readonly departures = new Departures();
  /** Events, in order; those of the round that is being delivered come first. */
  private pending: LogEvent[] = [];
  private pendingBytes = 0;
  /** How many of the pending events are delivered. */
  private done = 0;
  private readonly slice = new Slice(slice);
  private readonly current = new Round(this.index, this.slice);
  private scheduled: NodeJS.Immediate | undefined;
  private waiting: (() => void)[] = [];

  /** Number of the round of deliveries that is going on, or was the last. */
  get round(): number {
    return this.current.number;
  }

  /** An empty set of topics: while `member` is live, it gets the new events of those that are added. */
  interestOf(member: Member): TopicSet {
    return new Interest(this.index, member);
  }

  /** A member has gone, and wants nothing any more. */
  leave(member: Member, interest: TopicSet): void {
    this.audiences.count(member);
    this.departures.add(interest);
  }

  /** Takes an event for the end of this turn. */
  add(event: LogEvent): void {
    if (this.index.size === 0 && this.pending.length === 0) {
      if (event.sequence > 0) this.delivered = event.sequence;
      return;
    }
    this.pending.push(event);
    this.pendingBytes += event.data.length;
    this.scheduled ??= setImmediate(this.turn);
  }

  /** The events that not everyone has been written yet. */
  *undelivered(): Generator<LogEvent> {
    for (let index = this.done; index < this.pending.length; index++) yield this.pending[index]!;
  }

  /** Delivers now what is due in this turn, before anything else is done in it. */
  flush(): void {
    if (!this.scheduled) return;
    clearImmediate(this.scheduled);
    this.turn();
  }

  /** Resolves once there is room for more events; `undefined` while there is. */
  congested(): Promise<void> | undefined {
    return this.isCongested ? new Promise((resolve) => this.waiting.push(resolve)) : undefined;
  }

  /** Drops what is not delivered. */
  stop(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    this.current.close();
    this.pending = [];
    this.done = this.pendingBytes = 0;
    this.release();
  }

  private get isCongested(): boolean {
    return this.pendingBytes >= congestion || this.pending.length - this.done >= 16 * roundEvents;
  }

  private readonly turn = (): void => {
    this.scheduled = undefined;
    this.slice.begin();
    if (!this.run()) this.scheduled = setImmediate(this.turn);
    if (!this.isCongested) this.release();
  };

  private release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((resolve) => resolve());
  }

  /** Delivers what is pending, until its slice of the turn is used up. Returns whether that is all. */
  private run(): boolean {
    const { current } = this;
    while (this.done < this.pending.length) {
      if (!current.isOpen) current.begin(this.pending, this.done);
      if (!current.run()) return false;
      // Not if it was stopped by one of those that it wrote to.
      if (current.isOpen) this.finish(current.close());
      if (this.slice.isOver(0) && this.done < this.pending.length) return false;
    }
    this.pending = [];
    this.done = 0;
    return true;
  }

  /** The events of a round are delivered. */
  private finish(end: number): void {
    let last = 0;
    for (; this.done < end; this.done++) {
      const { sequence, data } = this.pending[this.done]!;
      this.pendingBytes -= data.length;
      if (sequence > 0) last = sequence;
    }
    if (last > 0) this.delivered = last;
    if (this.done >= roundEvents && this.done * 2 > this.pending.length) {
      this.pending = this.pending.slice(this.done);
      this.done = 0;
    }
  }
}
