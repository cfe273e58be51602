import type { WorkBudget } from '../contracts/connection.js';
import { longestTimeout } from './deadline.js';
import type { Limits } from './limits.js';
import { Meter } from './meter.js';

/** What a connection may do so often. */
export type Metered = 'messages' | 'subscribe' | 'publish';

/** What one connection has used of its own rates. */
export type ConnectionMeter = Meter<Metered>;

/**
 * What a principal, or an address for clients that are nobody, has used on this node: of the rates that its connections
 * share, of its work, and of the rates of connections that have ended. It outlives them, so that whoever reconnects goes on
 * where it was.
 */
export class Account implements WorkBudget {
  /** How many connections use it. */
  holders = 0;
  private readonly shared: Meter<'subscribe' | 'publish' | 'work'>;
  /** Of connections that have ended, the one that ended first in front. There are no more than there were connections. */
  private readonly returned: ConnectionMeter[] = [];
  private readonly waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** @param isPrincipal whether it is one user's: those who have nothing but their address in common share no rate */
  constructor(
    readonly key: string,
    private readonly limits: Limits,
    private readonly isPrincipal: boolean,
  ) {
    const { subscribePerPrincipal, publishPerPrincipal, work } = limits;
    this.shared = new Meter({ subscribe: subscribePerPrincipal, publish: publishPerPrincipal, work });
  }

  /** A meter for a connection: one that a connection has left behind, if there is any. Give it back to `restore`. */
  lend(): ConnectionMeter {
    return this.returned.shift() ?? new Meter<Metered>(this.limits);
  }

  restore(meter: ConnectionMeter): void {
    while (this.returned[0]?.untilFull === 0) this.returned.shift();
    if (meter.untilFull > 0) this.returned.push(meter);
  }

  /** Takes from the rate that its connections share. Returns whether it was there. */
  take(what: Metered, count: number, credit = 0): boolean {
    return !this.isPrincipal || what === 'messages' || this.shared.of(what).take(count, credit);
  }

  spend(units: number): void {
    this.shared.of('work').spend(units);
  }

  get delay(): number {
    return this.shared.of('work').delay;
  }

  /**
   * Resolves when its work may go on, in the order in which it was asked for; `undefined` if it may at once. One is let go
   * on in a turn of the event loop: what that costs is known then.
   */
  ready(): Promise<void> | undefined {
    if (this.waiting.length === 0 && this.delay === 0) return undefined;
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.timer ??= this.wait();
    });
  }

  /** In how many milliseconds nothing of it will be used any more, so that a new one would be the same. */
  get untilFull(): number {
    if (this.waiting.length > 0) return Infinity;
    return Math.max(this.shared.untilFull, ...this.returned.map(({ untilFull }) => untilFull));
  }

  private wait(): NodeJS.Timeout {
    const next = () => {
      this.timer = undefined;
      if (this.delay === 0) this.waiting.shift()?.();
      if (this.waiting.length > 0) this.timer = this.wait();
    };
    return setTimeout(next, Math.min(this.delay, longestTimeout)).unref();
  }
}
