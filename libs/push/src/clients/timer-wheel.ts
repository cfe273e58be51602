import { Inject, Injectable } from '@nestjs/common';
import { pushSettings } from '../contracts/settings.js';

/** Something that wants to be called once an interval. */
export interface Beating {
  /** MUST NOT throw. */
  beat(): void;
}

/** Into how many ticks an interval is divided: so many connections are called together. */
const slots = 60;

/**
 * One timer for the heartbeats of all connections. Each is called once an interval, and the calls are spread over it in
 * the order of joining, so that a reconnect storm does not become a heartbeat storm.
 */
@Injectable()
export class TimerWheel {
  private readonly wheel: Set<Beating>[] = Array.from({ length: slots }, () => new Set());
  private readonly slotOf = new Map<Beating, Set<Beating>>();
  private current = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Milliseconds between two beats of one connection. */
  private readonly interval: number;

  constructor(@Inject(pushSettings) { heartbeat }: { readonly heartbeat: number }) {
    this.interval = heartbeat;
  }

  get size(): number {
    return this.slotOf.size;
  }

  /** The first beat comes one interval from now. */
  add(beating: Beating): void {
    const slot = this.wheel[this.current]!;
    slot.add(beating);
    this.slotOf.set(beating, slot);
    this.timer ??= setInterval(() => this.tick(), this.interval / slots).unref();
  }

  /** Idempotent. */
  remove(beating: Beating): void {
    this.slotOf.get(beating)?.delete(beating);
    this.slotOf.delete(beating);
    if (this.slotOf.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private tick(): void {
    this.current = (this.current + 1) % slots;
    for (const beating of this.wheel[this.current]!) beating.beat();
  }
}
