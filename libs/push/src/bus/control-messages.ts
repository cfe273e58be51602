import { Inject, Injectable } from '@nestjs/common';
import { ErrorReporter } from './error-reporter.js';

/**
 * Called with every control message, those of its own node included; it ignores the ones that are not meant for it. What it
 * throws, or rejects with, is reported as the stage `control`.
 */
export type ControlListener = (message: string) => unknown;

/**
 * The messages that nodes send each other through the backplane besides events: revocations, for example. Every listener
 * gets every message, in the order of arrival, even if another listener throws.
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

  /** Calls the current listeners with a message. Does not throw. */
  dispatch(message: string): void {
    // A listener may remove another one, which must not be called then.
    for (const entry of [...this.listeners])
      if (this.listeners.has(entry)) this.call(entry.listener, message);
  }

  private call(listener: ControlListener, message: string): void {
    const failed = (error: unknown) => this.errors.report(error, { stage: 'control' });
    try {
      const result = listener(message);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
