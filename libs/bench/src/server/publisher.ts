import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { applicationEvent, type EventKind } from '../application-events.js';
import { benchEvent } from '../event.js';
import type { BenchServer, Rate } from './contract.js';

/** How fast to publish for a saturation run. */
export interface Pace {
  /** Events published in one turn of the event loop. */
  readonly burst: number;
  /** Events that may be on the way: published, and not yet received by everyone. */
  readonly window: number;
}

/** How to publish without the network. */
interface Alone {
  /** Whether something reads in the process. */
  readonly listener: boolean;
  /** Whether each event is awaited before the next. */
  readonly awaited: boolean;
  /** The states of the topics are removed instead. */
  readonly removes?: boolean;
  readonly milliseconds: number;
}

/** What a burst has done to the event loop. */
export interface Burst {
  /** Number of the next event. */
  readonly next: number;
  /** Longest time that the event loop was blocked after the turn of the burst, in milliseconds. */
  readonly longest: number;
}

/** Publishes in the server's process, as an application would. */
export class Publisher {
  private next = 0;
  private through = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly server: BenchServer,
    private readonly topics: number,
    private readonly events?: EventKind,
  ) {}

  /** The clients have everything below `through`. */
  received(through: number): void {
    this.through = through;
    this.wake?.();
  }

  /** As fast as it goes. Returns the number of the next event. */
  async saturate({ burst, window, milliseconds }: Pace & { milliseconds: number }): Promise<number> {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      const room = this.through + window - this.next;
      if (room <= 0) {
        await new Promise<void>((resolve) => (this.wake = resolve));
        continue;
      }
      await this.publish(Math.min(burst, room));
      await turn();
    }
    return this.next;
  }

  /** At a fixed rate, one event at a time. Returns the number of the next event. */
  async rate({ perSecond, milliseconds }: Rate): Promise<number> {
    if (this.server.rate) return this.server.rate({ perSecond, milliseconds });
    const start = performance.now();
    const count = Math.round((perSecond * milliseconds) / 1000);
    for (let index = 0; index < count; index++) {
      const wait = start + (index * 1000) / perSecond - performance.now();
      if (wait > 0) await delay(wait);
      await this.publish(1);
    }
    return this.next;
  }

  /** So many at once. Returns the number of the next event. */
  async send(count: number): Promise<number> {
    await this.publish(count);
    return this.next;
  }

  /** So many in one turn, and then until everyone has them. */
  async burst(count: number): Promise<Burst> {
    const last = this.publish(count);
    // Who awaits so many promises has so many callbacks: they belong to the turn of the burst.
    await turn();
    let longest = 0;
    let before = performance.now();
    const look = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - before - 1);
      before = now;
    }, 1);
    await last;
    while (this.through < this.next) await new Promise<void>((resolve) => (this.wake = resolve));
    clearInterval(look);
    return { next: this.next, longest };
  }

  /** Publishes for a while to all topics in turn, with or without a reader in the process. Returns events per second of CPU time. */
  async alone({ listener, awaited, removes, milliseconds }: Alone): Promise<number> {
    const received = listener ? this.server.listen!() : () => Infinity;
    const event = benchEvent(0);
    const end = performance.now() + milliseconds;
    let count = 0;
    const used = process.cpuUsage();
    while (performance.now() < end) {
      for (let index = 0; index < 256; index++) {
        const topic = (count + index) % this.topics;
        const stored = removes ? this.server.remove!(topic) : this.server.publish(event, topic);
        if (awaited) await stored;
      }
      count += 256;
      await turn();
    }
    while (received() < count) await turn();
    const { user, system } = process.cpuUsage(used);
    return (count * 1e6) / (user + system);
  }

  private publish(count: number): unknown {
    let last: unknown;
    for (let index = 0; index < count; index++) {
      const event = this.events ? applicationEvent(this.events, this.next) : benchEvent(this.next);
      last = this.server.publish(event, this.next % this.topics);
      this.next++;
    }
    return last;
  }
}
