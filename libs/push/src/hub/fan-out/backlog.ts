import { Deque } from '../window/deque.js';
import { roundBytes, roundEvents } from './round.js';

/** Publishers have to wait while so many bytes of payload, or so many events, are not delivered. At twice as much they are refused. */
const congestedBytes = 64 * roundBytes;
const congestedEvents = 16 * roundEvents;

/** A round of deliveries that is done. */
interface DoneRound {
  readonly events: number;
  /** Of payload. */
  readonly bytes: number;
  /** Whether no more fitted into it. */
  readonly isFull: boolean;
}

/** The events that wait for their delivery, as numbers: see `EventBus.stats()`. */
export interface BacklogStats {
  /** Events that are not delivered yet. */
  readonly events: number;
  /** For how long the oldest of them has waited, in milliseconds. */
  readonly delay: number;
  /** How long it takes to deliver them all, in milliseconds, at the pace of the last rounds of deliveries. */
  readonly expected: number;
  /** Publishers that wait until there is room. */
  readonly waiting: number;
}

/**
 * What waits to be delivered: how much it is, for how long it has waited, and how long it will take. Publishers are made to wait
 * when that is half of the longest delay, and refused when it is all of it. The clock is read for turns of the event loop and rounds of
 * deliveries, not for events.
 */
export class Backlog {
  /** How many events were added so far, and how many of them are delivered or dropped. */
  private added = 0;
  private delivered = 0;
  private bytes = 0;
  /** When the oldest one was added, or another one of the same turn before it. */
  private oldest = 0;
  /** The later turns in which events were added: when, and after how many events. */
  private later = new Deque<{ readonly sequence: number; readonly at: number }>();
  private isNewTurn = true;
  /** Publishers that wait, each after how many events. */
  private waiters = new Deque<{ readonly sequence: number; readonly go: () => void }>();
  /** When the turn of deliveries began that is under way, or the last one. */
  private turn = 0;
  /** When the last round was done; or when the turn of the first one began, after a pause. `undefined` while there is none. */
  private since: number | undefined;
  /** How long the last round took, and how long a full one takes, in milliseconds: at least that, if they were not full. */
  private lastRound = 0;
  private fullRound = 0;

  /** @param maxDelay how long an event may wait, in milliseconds. `Infinity`: as long as it takes */
  constructor(private readonly maxDelay: number) {}

  /** How many events wait. */
  get events(): number {
    return this.added - this.delivered;
  }

  /** Whether nothing more should be added, whatever time it takes: it would take too much memory. */
  get isFull(): boolean {
    return this.events >= 2 * congestedEvents || this.bytes >= 2 * congestedBytes;
  }

  /** Adds an event with so many bytes of payload. */
  add(bytes: number): void {
    if (this.isNewTurn) {
      const at = performance.now();
      if (this.events === 0) this.oldest = at;
      else this.later.push({ sequence: this.added, at });
      this.isNewTurn = false;
    }
    this.added++;
    this.bytes += bytes;
  }

  /** A turn of deliveries begins. @param now on the monotonic clock */
  beginTurn(now: number): void {
    this.isNewTurn = true;
    this.turn = now;
  }

  /** A round begins. */
  beginRound(): void {
    this.since ??= this.turn;
  }

  /** The round is done: it had the oldest events. */
  finishRound({ events, bytes, isFull }: DoneRound): void {
    const now = performance.now();
    this.delivered += events;
    this.bytes -= bytes;
    const share = isFull ? Math.max(events / roundEvents, bytes / roundBytes) : 1;
    const time = (now - this.since!) / share;
    // A single round that something else has held up says nothing of the next.
    this.fullRound = Math.min(time, this.lastRound);
    this.lastRound = time;
    this.since = now;
    while (this.later.first && this.later.first.sequence <= this.delivered)
      this.oldest = this.later.shift()!.at;
  }

  /** The turn is over. Those publishers go on whose events are delivered; all of them, if there is room. */
  endTurn(): void {
    this.isNewTurn = true;
    if (this.events === 0) this.since = undefined;
    if (this.waiters.length === 0) return;
    const last = this.isCongested(performance.now()) ? this.delivered : Infinity;
    while (this.waiters.first && this.waiters.first.sequence <= last) this.waiters.shift()!.go();
  }

  /** What waits is dropped, and publishers go on. */
  clear(): void {
    this.delivered = this.added;
    this.bytes = this.lastRound = this.fullRound = 0;
    this.later = new Deque();
    this.endTurn();
  }

  /** Whether publishers should be refused. @param now on the monotonic clock */
  isOverloaded(now: number): boolean {
    return this.events > 0 && (this.isFull || this.delay(now) > this.maxDelay);
  }

  /** Whether publishers should wait. @param now on the monotonic clock */
  isCongested(now: number): boolean {
    const { events, bytes } = this;
    if (events === 0) return false;
    return events >= congestedEvents || bytes >= congestedBytes || this.delay(now) > this.maxDelay / 2;
  }

  /** Resolves once there is room, or all is delivered that waits now; `undefined` if there is room. @param now on the monotonic clock */
  congested(now: number): Promise<void> | undefined {
    if (!this.isCongested(now)) return undefined;
    return new Promise((go) => this.waiters.push({ sequence: this.added, go }));
  }

  stats(): BacklogStats {
    return {
      events: this.events,
      delay: this.age(performance.now()),
      expected: this.expected,
      waiting: this.waiters.length,
    };
  }

  private delay(now: number): number {
    return Math.max(this.age(now), this.expected);
  }

  private age(now: number): number {
    return this.events > 0 ? Math.max(0, now - this.oldest) : 0;
  }

  private get expected(): number {
    return this.fullRound * Math.max(this.events / roundEvents, this.bytes / roundBytes);
  }
}
