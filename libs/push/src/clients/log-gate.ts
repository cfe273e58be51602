import { Inject, Injectable } from '@nestjs/common';
import type { Limits } from '../access/limits.js';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';
import { Hub } from '../hub/hub.js';

/**
 * Clients wait here until the node has reached its log for the first time: before that no stream can begin. That the
 * backplane is away later closes nothing, since the node has its window, and its clients their places in it.
 */
@Injectable()
export class LogGate {
  private readonly waiting = new Set<(refusal?: PushError) => void>();

  /** How long, and how many clients may wait. */
  private readonly limits: Limits;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(pushSettings) { limits }: { readonly limits: Limits },
  ) {
    this.limits = limits;
    hub.whenOpen(() => this.settle());
  }

  /** Whether the log was ever reached. */
  get isOpen(): boolean {
    return this.hub.isOpen;
  }

  /**
   * `undefined`: go ahead. Otherwise resolves once the log is reached.
   *
   * @throws PushError (the promise rejects) `UNAVAILABLE` if that takes too long, or too many wait already; what `refuse`
   * is told
   */
  pass(): Promise<void> | undefined {
    if (this.isOpen) return undefined;
    if (this.waiting.size >= this.limits.pendingHandshakes) return Promise.reject(unreached());
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

  /** Sends all who wait away. */
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
