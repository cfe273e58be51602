import type { Batch, LogEvent } from '../contracts/event.js';
import { Selection, type Audience } from './audience.js';
import type { TopicIndex } from './topic-index.js';

/** How long one turn may be spent on delivering before the event loop gets to do something else, in milliseconds. */
const slice = 10;

/** How often the clock is looked at: a write costs microseconds. */
const writesBetweenClocks = 64;

/** What is delivered together at most: more would only make the buffers larger, not the writes fewer. */
const roundEvents = 4096;
const roundBytes = 256 * 1024;

/** How many times the events of a round may be wanted: what is done for each of them is not interrupted. */
const roundSelections = 100_000;

/** From here on publishers are made to wait. */
const congestion = 64 * roundBytes;

/** What some connections are written in a round. */
interface Delivery {
  readonly audience: Audience;
  readonly batch: Batch;
}

/**
 * Takes new events from the log to the audiences. What is published in one turn of the event loop is delivered at its
 * end, together: at low rates that is at once, under load it batches by itself.
 */
export class FanOut {
  /** Events, in order; those of the round that is being delivered come first. */
  private pending: LogEvent[] = [];
  private pendingBytes = 0;
  /** How many of the pending events are delivered, and how many are at least being delivered. */
  private done = 0;
  private next = 0;
  private deadline = 0;
  /** Number of the round of deliveries that is going on, or was the last. */
  round = 0;
  private running: Generator<void, void> | undefined;
  private scheduled: NodeJS.Immediate | undefined;
  private waiting: (() => void)[] = [];

  /** @param onDelivered is told up to which sequence everyone has been written to */
  constructor(
    private readonly index: TopicIndex<Audience>,
    private readonly onDelivered: (sequence: number) => void,
  ) {}

  /** Takes an event for the end of this turn. Returns `false` if nobody is there at all. */
  add(event: LogEvent): boolean {
    if (this.index.size === 0 && this.pending.length === 0) return false;
    this.pending.push(event);
    this.pendingBytes += event.data.length;
    this.scheduled ??= setImmediate(this.turn);
    return true;
  }

  /** The events that not everyone has been written yet. */
  *undelivered(): Generator<LogEvent> {
    for (let index = this.done; index < this.pending.length; index++) yield this.pending[index]!;
  }

  /** Resolves once there is room for more events; `undefined` while there is. */
  congested(): Promise<void> | undefined {
    return this.isCongested ? new Promise((resolve) => this.waiting.push(resolve)) : undefined;
  }

  /** Drops what is not delivered. */
  stop(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    this.running = undefined;
    this.pending = [];
    this.done = this.next = this.pendingBytes = 0;
    this.release();
  }

  private get isCongested(): boolean {
    return this.pendingBytes >= congestion || this.pending.length - this.done >= 16 * roundEvents;
  }

  private readonly turn = (): void => {
    this.scheduled = undefined;
    this.deadline = performance.now() + slice;
    this.running ??= this.run();
    if (this.running.next().done) this.running = undefined;
    else this.scheduled = setImmediate(this.turn);
    if (!this.isCongested) this.release();
  };

  private release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((resolve) => resolve());
  }

  /** Delivers everything that is pending; yields when its slice of the turn is used up. */
  private *run(): Generator<void, void> {
    let writes = 0;
    while (this.done < this.pending.length) {
      for (const { audience, batch } of this.begin()) {
        // Who comes or goes while the loop yields is seen here, or not, as it should be.
        for (const member of audience.members) {
          if (member.since === this.round) continue;
          member.receive(batch);
          if (++writes % writesBetweenClocks === 0 && performance.now() > this.deadline) yield;
        }
      }
      this.finish();
      if (performance.now() > this.deadline) yield;
    }
    this.pending = [];
    this.done = this.next = 0;
  }

  /** Hands the next events to the audiences that want them. */
  private begin(): Delivery[] {
    this.round++;
    const audiences: Audience[] = [];
    const none = new Selection();
    const end = Math.min(this.pending.length, this.done + roundEvents);
    let bytes = 0;
    let selections = 0;
    let event: LogEvent;
    const select = (audience: Audience) => {
      selections++;
      if (audience.select(event, none)) audiences.push(audience);
    };
    while (this.next < end && bytes < roundBytes && selections < roundSelections) {
      event = this.pending[this.next++]!;
      bytes += event.data.length;
      this.index.match(event.topic, select);
    }
    return audiences.map((audience) => ({ audience, batch: audience.take() }));
  }

  /** The events of the round are delivered. */
  private finish(): void {
    let last = 0;
    for (; this.done < this.next; this.done++) {
      const { sequence, data } = this.pending[this.done]!;
      this.pendingBytes -= data.length;
      if (sequence > 0) last = sequence;
    }
    if (last > 0) this.onDelivered(last);
    if (this.done >= roundEvents && this.done * 2 > this.pending.length) {
      this.pending = this.pending.slice(this.done);
      this.done = this.next = 0;
    }
  }
}
