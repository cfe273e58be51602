import type { Health } from '../../contracts/backplane.js';
import type { AppendQueue } from './append-queue.js';
import { within } from '../../contracts/backoff.js';
import type { Outage } from './outage.js';

/** How long a check waits for its probe, in milliseconds. */
const patience = 3_000;

/** The topic of a probe. No event has it: topics are not empty. */
export const noTopic = '';

/** Checks that events get through the log. It stores a probe, and waits until this node's reader meets it. */
export class DeliveryProbe {
  private readonly waiting = new Map<string, () => void>();
  private count = 0;
  private checking: Promise<Health> | undefined;
  /** To be called when this node begins to read the log: a probe that was stored earlier would not come back. */
  reads!: () => void;
  private readonly reading = new Promise<void>((resolve) => (this.reads = resolve));

  constructor(
    private readonly node: string,
    private readonly queue: AppendQueue,
    private readonly outage: Outage,
  ) {}

  /** Sends a probe through the log, and waits for it, for a few seconds at most. Checks that overlap share one. */
  check(): Promise<Health> {
    this.checking ??= this.send().finally(() => (this.checking = undefined));
    return this.checking;
  }

  /** To be called with the data of each probe that this node's reader meets, also of other nodes' probes. */
  seen(name: string): void {
    this.waiting.get(name)?.();
  }

  private async send(): Promise<Health> {
    const name = `${this.node}-${++this.count}`;
    const began = performance.now();
    try {
      await within(patience, this.reading, () => undefined);
      const back = new Promise<void>((resolve) => this.waiting.set(name, resolve));
      const stored = this.queue.add({ topic: noTopic, data: name });
      await within(patience, Promise.all([stored, back]), () => undefined);
      return {
        ready: true,
        detail: `A probe took ${Math.round(performance.now() - began)} ms through the log.`,
      };
    } catch (error) {
      return {
        ready: false,
        detail: `A probe did not come back: ${this.outage.reason ?? (error as Error).message}.`,
      };
    } finally {
      this.waiting.delete(name);
    }
  }
}
