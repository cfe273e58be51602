import type { LogEvent } from '../contracts/event.js';
import type { Audience } from './audience.js';
import type { TopicIndex } from './topic-index.js';

/** How long one turn may be spent on delivering before the event loop gets to do something else, in milliseconds. */
const slice = 10;

/** What is delivered together at most: more would only make the buffers larger, not the writes fewer. */
const batchEvents = 4096;
const batchBytes = 256 * 1024;

/** From here on publishers are made to wait. */
const congestion = 64 * batchBytes;

/**
 * Takes new events from the log to the audiences. What is published in one turn of the event loop is delivered at its
 * end, together: at low rates that is at once, under load it batches by itself.
 */
export class FanOut {
  private pending: LogEvent[] = [];
  private next = 0;
  private pendingBytes = 0;
  /** Sequence of the last event that was handed to the audiences. */
  private distributed = 0;
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

  /** Resolves once there is room for more events; `undefined` while there is. */
  congested(): Promise<void> | undefined {
    if (this.pendingBytes < congestion && this.pending.length - this.next < 16 * batchEvents)
      return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  stop(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    this.pending = [];
    this.next = this.pendingBytes = this.distributed = 0;
    this.running = undefined;
    this.release();
  }

  private readonly turn = (): void => {
    this.scheduled = undefined;
    this.running ??= this.run();
    if (this.running.next().done) this.running = undefined;
    else this.scheduled = setImmediate(this.turn);
    this.release();
  };

  private release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((resolve) => resolve());
  }

  /** Delivers everything that is pending; yields when its slice of the turn is used up. */
  private *run(): Generator<void, void> {
    let deadline = performance.now() + slice;
    while (this.next < this.pending.length) {
      for (const audience of this.distribute()) {
        const batch = audience.take();
        const members = audience.members.values();
        while (!audience.deliver(batch, members, deadline)) {
          yield;
          deadline = performance.now() + slice;
        }
      }
      if (this.distributed > 0) this.onDelivered(this.distributed);
      if (performance.now() > deadline && this.next < this.pending.length) {
        yield;
        deadline = performance.now() + slice;
      }
    }
    this.pending = [];
    this.next = 0;
  }

  /** Hands the next events to the audiences that want them. Returns the audiences. */
  private distribute(): Audience[] {
    const audiences: Audience[] = [];
    let bytes = 0;
    const end = Math.min(this.pending.length, this.next + batchEvents);
    while (this.next < end && bytes < batchBytes) {
      const event = this.pending[this.next++]!;
      bytes += event.data.length;
      if (event.sequence > 0) this.distributed = event.sequence;
      this.index.match(event.topic, (audience) => {
        if (audience.collect(event)) audiences.push(audience);
      });
    }
    this.pendingBytes -= bytes;
    if (this.next >= batchEvents && this.next * 2 > this.pending.length) {
      this.pending = this.pending.slice(this.next);
      this.next = 0;
    }
    return audiences;
  }
}
