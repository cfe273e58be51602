import { readinessOf } from '../bindings/readiness.js';
import type { Live, Source } from '../bindings/source.js';
import type { PushError } from '../push-error.js';

/** What the server may refuse. */
export interface Refusable {
  readonly error?: PushError;
}

/** Option of hooks that can wait. */
export interface SuspendOption {
  /**
   * Whether the component suspends until the first value is there, for the nearest `<Suspense>`. What the server refuses is then
   * thrown, for the nearest error boundary. A server does not wait: it sends the fallback, unless it gives `start`. Default: `false`.
   */
  readonly suspend?: boolean;
}

/** What has been there once: it may be empty later, and is not waited for again. */
const known = new WeakSet<Live>();

/**
 * Returns if `value` is there.
 *
 * @throws what React waits for, or the server's refusal
 */
export function suspendUntil<Opened extends Live & Refusable, Value>(
  isThere: (value: Value) => boolean,
  source: Source<Opened, Value>,
  value: Value,
): void {
  const { live } = source;
  if (isThere(value) || (live && known.has(live))) {
    if (live) known.add(live);
    return;
  }
  const refusal = refusalOf(live);
  if (refusal) throw refusal;
  // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- it is how React 18 and 19 are told to wait
  throw readinessOf(source, (now, live) => isThere(now) || refusalOf(live) !== undefined);
}

/** Why it will not be there. What may succeed later is tried again. */
function refusalOf(live: Refusable | undefined): PushError | undefined {
  return live?.error?.retryable ? undefined : live?.error;
}
