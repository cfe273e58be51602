import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../contracts/clock.js';
import { pushSettings } from '../contracts/settings.js';

/** Is called once an interval. */
export interface HeartbeatTarget {
  /**
   * MUST NOT throw.
   *
   * @param isOld whether it has reached its age. If it cannot go on now, it is asked again at its next heartbeat
   * @returns whether it was sent on
   */
  heartbeat(isOld: boolean): boolean;
}

/** How many slots an interval has. The connections of one slot are called in the same turn of the event loop. */
const slots = 60;

/** The most slots that one turn calls when it is late: a tenth of all connections. */
const mostAtOnce = slots / 10;

/** The most connections that one turn sends on. To end one costs much more than a heartbeat. */
export const mostSentOn = 32;

/**
 * What a client got fewer slots ago is as good as a heartbeat. So it may hear nothing for an interval and this: dead peers have to be
 * found, and clients have to be patient, within two intervals.
 */
const recent = slots / 5;

/** Of all connections of the same age, the first is sent on at this part of `limits.connectionAge`, the last at the whole. */
const earliest = 0.5;

/** The settings of the wheel. */
interface WheelSettings {
  /** Milliseconds between two heartbeats of one connection. */
  readonly heartbeat: number;
  readonly limits: { readonly connectionAge: number };
}

/**
 * One timer for the heartbeats and the age of all connections. Each is called once an interval, and the calls are spread over it
 * in the order of joining, so that a reconnect storm does not become a heartbeat storm. How old each gets is random, so that it does
 * not become a storm of those that are sent on either.
 */
@Injectable()
export class TimerWheel {
  private readonly wheel: Set<HeartbeatTarget>[] = Array.from({ length: slots }, () => new Set());
  private readonly slotOf = new Map<HeartbeatTarget, Set<HeartbeatTarget>>();
  /** When each has reached its age, on the monotonic clock. Empty if there is no limit. */
  private readonly ages = new Map<HeartbeatTarget, number>();
  private current = 0;
  /** How many slots are over, beside a whole interval, so that 0 is long ago: a clock that costs nothing to read. */
  time = slots;
  /** When the current slot was due, on the monotonic clock. */
  private at = 0;
  private timer: NodeJS.Timeout | undefined;

  private readonly interval: number;
  private readonly age: number;

  constructor(
    @Inject(pushSettings) { heartbeat, limits }: WheelSettings,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    this.interval = heartbeat;
    this.age = limits.connectionAge;
  }

  get size(): number {
    return this.slotOf.size;
  }

  /** Whether a moment was a short while ago. @param time what `time` said then */
  isRecent(time: number): boolean {
    return this.time - time < recent;
  }

  /** The first heartbeat comes one interval from now. */
  add(target: HeartbeatTarget): void {
    const slot = this.wheel[this.current]!;
    slot.add(target);
    this.slotOf.set(target, slot);
    if (this.age < Infinity) this.ages.set(target, this.clock.now() + this.age * between(earliest, 1));
    if (this.timer) return;
    this.at = this.clock.now();
    this.timer = this.clock.every(this.interval / slots, () => this.tick());
  }

  /** Idempotent. */
  remove(target: HeartbeatTarget): void {
    this.slotOf.get(target)?.delete(target);
    this.slotOf.delete(target);
    this.ages.delete(target);
    if (this.slotOf.size > 0) return;
    this.clock.cancel(this.timer);
    this.timer = undefined;
  }

  /** A busy event loop calls timers late, so the clock says how many slots are due: clients wait for two intervals at most. */
  private tick(): void {
    const now = this.clock.now();
    const step = this.interval / slots;
    // What is late by more than an interval is not made up for.
    this.at = Math.max(this.at, now - this.interval);
    let sentOn = 0;
    for (let called = 0; called < mostAtOnce && this.at + step <= now; called++) {
      this.at += step;
      this.time++;
      this.current = (this.current + 1) % slots;
      for (const target of this.wheel[this.current]!) {
        const isOld = sentOn < mostSentOn && (this.ages.get(target) ?? Infinity) <= now;
        if (target.heartbeat(isOld)) sentOn++;
      }
    }
  }
}

function between(least: number, most: number): number {
  return least + Math.random() * (most - least);
}
