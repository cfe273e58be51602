import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../contracts/clock.js';
import type { Window } from '../../hub/window/window.js';
import { PushTestingError } from './changes.js';

/** Something that is due. */
interface Timed {
  due: number;
  /** Milliseconds between two calls; `undefined` if there is one. */
  readonly interval: number | undefined;
  readonly run: () => void;
  /** Calls it unless time is advanced first. */
  timer: NodeJS.Timeout;
}

/**
 * The time of the application's push, which goes on by itself and can be put ahead. It is that of what expires and repeats: principals,
 * tickets, state, retention, heartbeats, the age of connections, the grace of presence, and the pauses between attempts of
 * groups of handlers. `Date`, and every other timer of the process, stay as they are.
 */
export class TestTime {
  /** How far it is ahead of the machine's, in milliseconds. */
  private ahead = 0;
  private readonly timers = new Map<NodeJS.Timeout, Timed>();

  /** @internal */
  constructor(
    clock: Clock,
    private readonly window: Window,
  ) {
    clock.now = () => performance.now() + this.ahead;
    clock.date = () => Date.now() + this.ahead;
    clock.after = (milliseconds, run) => this.add(milliseconds, undefined, run);
    clock.every = (milliseconds, run) => this.add(milliseconds, milliseconds, run);
    clock.cancel = (timer) => {
      clearTimeout(timer);
      if (timer) this.remove(timer);
    };
  }

  /**
   * Goes on by so many milliseconds. What is due meanwhile happens in its order, and a turn of the event loop passes after each.
   *
   * @throws PushTestingError (the promise rejects) unless that is a number of milliseconds, 0 or more
   */
  async advance(milliseconds: number): Promise<void> {
    if (!(milliseconds >= 0 && milliseconds < Infinity))
      throw new PushTestingError(`Time cannot go on by ${milliseconds} ms.`);
    const end = this.now + milliseconds;
    for (let next = this.nextUntil(end); next; next = this.nextUntil(end)) {
      this.goTo(next[1].due);
      this.fire(...next);
      await turn();
    }
    this.goTo(end);
    this.window.expire();
    for (const [handle, timed] of this.timers) this.arm(handle, timed);
    await turn();
  }

  /** Drops what retention would drop one day. @internal */
  evict(): void {
    const { ahead } = this;
    this.ahead = Infinity;
    this.window.expire();
    this.ahead = ahead;
  }

  private get now(): number {
    return performance.now() + this.ahead;
  }

  private goTo(time: number): void {
    this.ahead += Math.max(0, time - this.now);
  }

  private add(milliseconds: number, interval: number | undefined, run: () => void): NodeJS.Timeout {
    const handle = setTimeout(() => this.fire(handle, timed), milliseconds).unref();
    const timed: Timed = { due: this.now + milliseconds, interval, run, timer: handle };
    this.timers.set(handle, timed);
    return handle;
  }

  private remove(handle: NodeJS.Timeout): void {
    clearTimeout(this.timers.get(handle)?.timer);
    this.timers.delete(handle);
  }

  /** What is due first, and not after `end`. */
  private nextUntil(end: number): [NodeJS.Timeout, Timed] | undefined {
    let next: [NodeJS.Timeout, Timed] | undefined;
    for (const entry of this.timers)
      if (entry[1].due <= end && (!next || entry[1].due < next[1].due)) next = entry;
    return next;
  }

  private fire(handle: NodeJS.Timeout, timed: Timed): void {
    if (timed.interval === undefined) this.remove(handle);
    else {
      timed.due += timed.interval;
      this.arm(handle, timed);
    }
    timed.run();
  }

  private arm(handle: NodeJS.Timeout, timed: Timed): void {
    clearTimeout(timed.timer);
    timed.timer = setTimeout(() => this.fire(handle, timed), Math.max(0, timed.due - this.now)).unref();
  }
}
