import type { WorkBudget } from '../contracts/connection.js';
import { longestTimer } from '../contracts/option-checks.js';
import type { Limits } from './limits.js';
import { Meter } from './meter.js';

/** What the rates of a connection limit. */
export type Metered = 'messages' | 'subscribe' | 'publish';

/** How much one connection has used of its own rates. */
export type ConnectionMeter = Meter<Metered>;

/**
 * How much a principal has used on this node (for anonymous clients: their address): of the rates that its connections
 * share, of its work, and of the rates of connections that have ended. An account outlives its connections, so that
 * reconnecting resets nothing.
 */
export class Account implements WorkBudget {
  /** How many connections use it. */
  holders = 0;
  private readonly shared: Meter<'subscribe' | 'publish' | 'work'>;
  /** The meters of connections that have ended, oldest first. There are never more of them than there were connections. */
  private readonly returned: ConnectionMeter[] = [];
  private readonly waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** @param isPrincipal whether the account belongs to one user. Clients that have only their address in common share no rate. */
  constructor(
    readonly key: string,
    private readonly limits: Limits,
    private readonly isPrincipal: boolean,
  ) {
    const { subscribePerPrincipal, publishPerPrincipal, work } = limits;
    this.shared = new Meter({ subscribe: subscribePerPrincipal, publish: publishPerPrincipal, work });
  }

  /** A meter for a connection: that of an earlier connection, if there is one. Give it back to `restore`. */
  lend(): ConnectionMeter {
    return this.returned.shift() ?? new Meter<Metered>(this.limits);
  }

  restore(meter: ConnectionMeter): void {
    while (this.returned[0]?.untilFull === 0) this.returned.shift();
    if (meter.untilFull > 0) this.returned.push(meter);
  }

  /** Takes `count` from the rate that the connections share. Returns whether there was enough. */
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
   * Resolves when work for the account may go on, in the order of the calls; `undefined` if it may at once. One caller goes on
   * in each turn of the event loop, because its cost is known only afterwards.
   */
  ready(): Promise<void> | undefined {
    if (this.waiting.length === 0 && this.delay === 0) return undefined;
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.timer ??= this.wait();
    });
  }

  /** In how many milliseconds the account will be as good as new. */
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
    return setTimeout(next, Math.min(this.delay, longestTimer)).unref();
  }
}
