import { Inject, Injectable } from '@nestjs/common';
import type { Limits } from '../access/limits.js';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';
import { Hub } from '../hub/hub.js';
import { TurnQueue } from './turn-queue.js';

/**
 * Clients wait here until the node has reached its log for the first time, because no stream can begin before that. If the
 * backplane fails later, the gate stays open: the node has its window, and its clients keep their positions in it.
 */
@Injectable()
export class LogGate {
  private readonly waiting = new Set<(refusal?: PushError) => void>();

  /** They say how long a client may wait, and how many may wait at a time. */
  private readonly limits: Limits;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(TurnQueue) private readonly turns: TurnQueue,
    @Inject(pushSettings) { limits }: { readonly limits: Limits },
  ) {
    this.limits = limits;
    hub.whenOpen(() => this.settle());
  }

  /** How many clients wait for the log. */
  get size(): number {
    return this.waiting.size;
  }

  /** Whether the node has reached its log at least once. */
  get isOpen(): boolean {
    return this.hub.isOpen;
  }

  /**
   * Returns `undefined` if the node has reached its log, else a promise that resolves when it does, and it is the client's
   * turn: all of them may go on at that moment.
   *
   * @throws PushError (the promise rejects) `UNAVAILABLE` if that takes too long, or if too many clients wait already; the
   * error that `refuse` is called with
   */
  wait(): Promise<void> | undefined {
    if (this.isOpen) return undefined;
    if (this.waiting.size >= this.limits.pendingHandshakes) return Promise.reject(unreached());
    return this.reached().then(() => this.turns.next());
  }

  private reached(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (refusal?: PushError) => {
        clearTimeout(timer);
        this.waiting.delete(settle);
        if (refusal) reject(refusal);
        else resolve();
      };
      const timer = setTimeout(() => settle(unreached()), this.limits.decisionTimeout);
      this.waiting.add(settle);
    });
  }

  /** Rejects the promises of all clients that wait. */
  refuse(refusal: PushError): void {
    this.settle(refusal);
  }

  private settle(refusal?: PushError): void {
    for (const settle of this.waiting) settle(refusal);
  }
}

function unreached(): PushError {
  return new PushError('UNAVAILABLE', 'The server has not reached its log yet. Come back later.');
}
