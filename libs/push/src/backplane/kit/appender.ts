import type { PendingAppend } from './append-queue.js';
import { backoff } from '../../contracts/backoff.js';
import type { LogNode } from './log-node.js';

/** The most that is taken from the queue for one batch. */
export interface BatchLimits {
  readonly events: number;
  readonly bytes: number;
}

/**
 * Stores what waits in the queue: one batch at a time, and each until it is stored or its time is over. So events keep their
 * order through every retry. What is published while a batch is on its way is the next batch.
 */
export abstract class Appender {
  private isRunning = false;
  private batches = 0;

  constructor(
    protected readonly node: LogNode,
    private readonly limits: BatchLimits,
  ) {}

  /**
   * Tries to store a batch, in order, and resolves each append with its position. If some are still not settled after that,
   * or if it rejects, it is called again with the same batch.
   *
   * An attempt that failed may have stored the events, so that a second one MUST NOT store them twice. The server has to
   * recognize either the batch, by `node.id` and `number`, or each event, by `node.id` and `PendingAppend.number`. It also
   * has to recognize the `messageId` of a draft.
   *
   * @param number counts the batches of this node, from 1; a retry has the same number
   */
  protected abstract store(batch: readonly PendingAppend[], number: number): Promise<void>;

  /** Starts to store. The events that are published in this turn of the event loop share a batch. */
  wake(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    setImmediate(() => {
      this.run().catch((error: unknown) => this.node.outage.failed('publishing', error));
    });
  }

  private async run(): Promise<void> {
    const { queue, signal } = this.node;
    try {
      while (queue.hasWaiting && !signal.aborted) {
        const batch = queue.take(this.limits.events, this.limits.bytes);
        await this.storeAll(batch, ++this.batches);
        queue.done(batch);
      }
    } finally {
      this.isRunning = false;
    }
  }

  private async storeAll(batch: readonly PendingAppend[], number: number): Promise<void> {
    const { outage, signal } = this.node;
    for (let attempt = 1; !signal.aborted && batch.some(({ settled }) => !settled); attempt++) {
      try {
        await this.store(batch, number);
        outage.worked('publishing');
      } catch (error) {
        if (!signal.aborted) outage.failed('publishing', error);
        await backoff(attempt, signal);
      }
    }
  }
}
