import { Inject, Injectable } from '@nestjs/common';
import { pushSettings } from '../contracts/settings.js';

/** Is called once an interval. */
export interface HeartbeatTarget {
  /** MUST NOT throw. */
  heartbeat(): void;
}

/** How many slots an interval has. The connections of one slot are called in the same turn of the event loop. */
const slots = 60;

/** The most slots that one turn calls when it is late: a tenth of all connections. */
const mostAtOnce = slots / 10;

/**
 * One timer for the heartbeats of all connections. Each is called once an interval, and the calls are spread over it in
 * the order of joining, so that a reconnect storm does not become a heartbeat storm.
 */
@Injectable()
export class TimerWheel {
  private readonly wheel: Set<HeartbeatTarget>[] = Array.from({ length: slots }, () => new Set());
  private readonly slotOf = new Map<HeartbeatTarget, Set<HeartbeatTarget>>();
  private current = 0;
  /** When the current slot was due, on the monotonic clock. */
  private at = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Milliseconds between two heartbeats of one connection. */
  private readonly interval: number;

  constructor(@Inject(pushSettings) { heartbeat }: { readonly heartbeat: number }) {
    this.interval = heartbeat;
  }

  get size(): number {
    return this.slotOf.size;
  }

  /** The first heartbeat comes one interval from now. */
  add(target: HeartbeatTarget): void {
    const slot = this.wheel[this.current]!;
    slot.add(target);
    this.slotOf.set(target, slot);
    if (this.timer) return;
    this.at = performance.now();
    this.timer = setInterval(() => this.tick(), this.interval / slots).unref();
  }

  /** Idempotent. */
  remove(target: HeartbeatTarget): void {
    this.slotOf.get(target)?.delete(target);
    this.slotOf.delete(target);
    if (this.slotOf.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** A busy event loop calls timers late, so the clock says how many slots are due: clients wait for two intervals at most. */
  private tick(): void {
    const now = performance.now();
    const step = this.interval / slots;
    // What is late by more than an interval is not made up for.
    this.at = Math.max(this.at, now - this.interval);
    for (let called = 0; called < mostAtOnce && this.at + step <= now; called++) {
      this.at += step;
      this.current = (this.current + 1) % slots;
      for (const target of this.wheel[this.current]!) target.heartbeat();
    }
  }
}
