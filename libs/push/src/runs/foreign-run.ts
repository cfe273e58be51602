import type { Hub } from '../hub/hub.js';
import { endedRunOf, runningOf } from './run-events.js';
import { RunWatch } from './run-watch.js';
import type { RunReason, RunResult } from './run.js';

/** A run of another node, which this one waits for. */
export class ForeignRun {
  readonly done: Promise<RunResult>;
  private readonly watch: RunWatch;
  private settle: (result: RunResult) => void = () => undefined;

  constructor(
    hub: Hub,
    readonly topic: string,
    readonly id: string,
  ) {
    this.watch = new RunWatch(hub, topic, {
      changed: () => setImmediate(() => this.look()),
      lost: () => setImmediate(() => this.finish('lost')),
    });
    this.done = new Promise((resolve) => (this.settle = resolve));
  }

  /** @throws PushError `UNAVAILABLE` if its topic cannot be read */
  async start(): Promise<void> {
    try {
      await this.watch.start();
    } catch (error) {
      this.watch.stop();
      throw error;
    }
    this.look();
  }

  private look(): void {
    const { end, state, isLive } = this.watch;
    if (!isLive) return;
    if (end) this.finish(endedRunOf(end).reason);
    // The topic was forgotten.
    else if (!state || runningOf(state).id !== this.id) this.finish('lost');
  }

  private finish(reason: RunReason): void {
    this.watch.stop();
    this.settle({ topic: this.topic, id: this.id, reason });
  }
}
