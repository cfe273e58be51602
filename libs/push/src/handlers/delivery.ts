import { backoff } from '../contracts/backoff.js';
import type { Clock } from '../contracts/clock.js';
import type { LogEvent } from '../contracts/event.js';
import type { Tracer } from '../contracts/tracer.js';
import { callHandler, inTime } from './handler-call.js';
import type { HandlerMethod } from './handler-methods.js';
import type { Slots } from './slots.js';

/** The longest pause between two attempts, in milliseconds. */
const longestPause = 60_000;

/** What deliveries need. */
export interface DeliveryContext {
  /** By which attempts are repeated. */
  readonly clock: Clock;
  readonly slots: Slots;
  /** Where failures are reported. */
  report(error: unknown): void;
  tracer(): Tracer | undefined;
}

/** Until when a node may handle the events of a partition. */
export interface Tenure {
  /** Aborted when no attempt may begin any more. */
  readonly closing: AbortSignal;
  /** Resolves when `closing` is aborted. */
  readonly closed: Promise<void>;
  /** Aborted when nobody waits for what runs: other nodes may handle the events now. */
  readonly lost: AbortSignal;
}

/** Puts an event aside that could not be handled. @throws PushError if it cannot be stored now */
export type Bury = (attempts: number, error: unknown) => Promise<void>;

/**
 * Has a method handle an event: again and again, until it succeeds or has failed too often, and is put aside.
 *
 * @returns whether that is done; `false` if the node has to let go of the event first
 */
export async function deliver(
  method: HandlerMethod,
  event: LogEvent,
  bury: Bury,
  { closing, lost }: Tenure,
  context: DeliveryContext,
): Promise<boolean> {
  const { retries, retryDelay } = method.declared;
  const { counts } = method;
  for (let attempt = 1; !closing.aborted; attempt++) {
    if (attempt > 1) counts.retried++;
    try {
      await context.slots.run(() =>
        inTime(method, lost, (signal) => callHandler(method, event, context.tracer(), { attempt, signal })),
      );
      counts.handled++;
      return true;
    } catch (error) {
      if (lost.aborted) return false;
      counts.failed++;
      context.report(error);
      if (attempt > retries) return buried(() => bury(attempt, error), closing, context);
      await context.clock.pause(pauseAfter(attempt, retryDelay), closing);
    }
  }
  return false;
}

/** Tries until the event is put aside: before that, its topic must not go on. */
async function buried(
  bury: () => Promise<void>,
  closing: AbortSignal,
  context: DeliveryContext,
): Promise<boolean> {
  for (let attempt = 1; !closing.aborted; attempt++) {
    try {
      await bury();
      return true;
    } catch (error) {
      if (attempt === 1) context.report(error);
      await backoff(attempt, closing);
    }
  }
  return false;
}

/** How long to wait after so many attempts, in milliseconds. */
function pauseAfter(attempts: number, first: number): number {
  const milliseconds = Math.min(first * 2 ** (attempts - 1), Math.max(longestPause, first));
  // Jitter keeps events that failed together from coming back together.
  return milliseconds * (0.75 + Math.random() / 2);
}
