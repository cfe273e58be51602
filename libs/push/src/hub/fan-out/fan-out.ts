import type { LogEvent } from '../../contracts/event.js';
import { Round, roundEvents } from './round.js';
import { TopicIndex } from '../topics/topic-index.js';
import type { TopicSet } from '../topics/topic-set.js';
import { Audiences } from './audiences.js';
import { Backlog } from './backlog.js';
import { Departures, Interest } from './interest.js';
import { Slice } from './slice.js';
import type { Member, Subscribers } from './subscribers.js';

/** How long one turn of the event loop may be spent on deliveries, in milliseconds. */
const slice = 10;

/** The same while publishers have to wait for them: else those who do not wait would have most of each turn. */
const longSlice = 40;

/**
 * Delivers new events of the log to the live members that subscribe to them. All events of one turn of the event loop are
 * delivered together at its end: at low rates that is at once, and under load it makes batches.
 */
export class FanOut {
  /** Live members have everything up to this sequence. */
  delivered = 0;
  /** The sets of topics that members have. */
  readonly audiences = new Audiences();
  /** How much waits to be delivered, and for how long. */
  readonly backlog: Backlog;
  private readonly index = new TopicIndex<Subscribers>();
  private readonly departures = new Departures();
  /** Events in order. The delivered ones come first, then those of the current round. */
  private pending: LogEvent[] = [];
  /** How many of the pending events are delivered. */
  private done = 0;
  private readonly slice = new Slice(slice);
  private readonly current = new Round(this.index, this.slice);
  private scheduled: NodeJS.Immediate | undefined;

  /** @param maxDelay how long an event may wait, in milliseconds: see `Backlog`. Default: as long as it takes */
  constructor(maxDelay = Infinity) {
    this.backlog = new Backlog(maxDelay);
  }

  /** Number of the current round of deliveries, or of the last one. */
  get round(): number {
    return this.current.number;
  }

  /** An empty set of topics for `member`. While the member is live, it gets the new events of the topics that it adds to the set. */
  interestOf(member: Member): TopicSet {
    return new Interest(this.index, member);
  }

  /** Unsubscribes a member that has left, whose topics are `interest`. */
  leave(member: Member, interest: TopicSet): void {
    this.audiences.count(member);
    this.departures.add(interest);
  }

  /** Queues an event for delivery at the end of this turn of the event loop. */
  add(event: LogEvent): void {
    if (this.index.size === 0 && this.pending.length === 0) {
      if (event.sequence > 0) this.delivered = event.sequence;
      return;
    }
    this.pending.push(event);
    this.backlog.add(event.data.length);
    this.scheduled ??= setImmediate(this.turn);
  }

  /** The events that have not been written to all live members yet. */
  *undelivered(): Generator<LogEvent> {
    for (let index = this.done; index < this.pending.length; index++) yield this.pending[index]!;
  }

  /** Delivers the queued events now instead of at the end of the turn. */
  flush(): void {
    if (!this.scheduled) return;
    clearImmediate(this.scheduled);
    this.turn();
  }

  /** Drops what has not been delivered, and lets publishers continue. */
  stop(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    this.current.close();
    this.pending = [];
    this.done = 0;
    this.backlog.clear();
  }

  private readonly turn = (): void => {
    this.scheduled = undefined;
    const now = performance.now();
    this.slice.begin(now, this.backlog.isCongested(now) ? longSlice : slice);
    this.backlog.beginTurn(now);
    if (!this.run()) this.scheduled = setImmediate(this.turn);
    this.backlog.endTurn();
  };

  /** Delivers pending events until its slice of the turn is used up. Returns whether all are delivered. */
  private run(): boolean {
    const { current } = this;
    while (this.done < this.pending.length) {
      if (!current.isOpen) this.begin();
      if (!current.run()) return false;
      // A member that it wrote to may have stopped it.
      if (current.isOpen) this.finish(current.close());
      if (this.slice.isOver(0) && this.done < this.pending.length) return false;
    }
    this.pending = [];
    this.done = 0;
    return true;
  }

  private begin(): void {
    this.current.begin(this.pending, this.done);
    this.backlog.beginRound();
  }

  /** The events of a round are delivered. */
  private finish(end: number): void {
    const { isFull } = this.current;
    const events = end - this.done;
    let bytes = 0;
    let last = 0;
    for (; this.done < end; this.done++) {
      const { sequence, data } = this.pending[this.done]!;
      bytes += data.length;
      if (sequence > 0) last = sequence;
    }
    if (last > 0) this.delivered = last;
    this.backlog.finishRound({ events, bytes, isFull });
    if (this.done >= roundEvents && this.done * 2 > this.pending.length) {
      this.pending = this.pending.slice(this.done);
      this.done = 0;
    }
  }
}
