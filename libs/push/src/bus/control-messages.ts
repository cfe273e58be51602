import { Inject, Injectable } from '@nestjs/common';
import { ErrorReporter } from './error-reporter.js';

/** Takes the messages that nodes send each other, its own included. It ignores those that are not for it. */
export type ControlListener = (message: string) => unknown;

/**
 * What nodes tell each other through the backplane, besides events: revocations, for example. Any number of listeners get
 * every message, in the order in which they came; what one of them throws is reported, and the others get theirs.
 */
@Injectable()
export class ControlMessages {
  private readonly listeners = new Set<{ readonly listener: ControlListener }>();

  constructor(@Inject(ErrorReporter) private readonly errors: ErrorReporter) {}

  /** Calls `listener` with every message from now on. Returns a function that ends that. */
  listen(listener: ControlListener): () => void {
    const entry = { listener };
    this.listeners.add(entry);
    return () => {
      this.listeners.delete(entry);
    };
  }

  /** Hands a message to the listeners that there are now. Does not throw. */
  dispatch(message: string): void {
    for (const entry of [...this.listeners])
      if (this.listeners.has(entry)) this.hand(entry.listener, message);
  }

  private hand(listener: ControlListener, message: string): void {
    const failed = (error: unknown) => this.errors.report(error, { stage: 'control' });
    try {
      const result = listener(message);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
