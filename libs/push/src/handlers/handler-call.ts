import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import type { Tracer } from '../contracts/tracer.js';
import type { HandlerMethod } from './handler-methods.js';

/**
 * Hands an event to a method, in a span of its own if somebody records spans.
 *
 * @returns a promise that settles as the method's does. It has no owner yet
 */
export function callHandler(
  method: HandlerMethod,
  event: LogEvent,
  tracer: Tracer | undefined,
  { attempt, signal }: { readonly attempt: number; readonly signal: AbortSignal },
): Promise<unknown> {
  const run = async () => method.handle(event, attempt, signal);
  if (!tracer) return run();
  let result: Promise<unknown> | undefined;
  tracer.handle(event, method.declared.pattern.wide, () => (result = run()));
  return result!;
}

/**
 * Resolves as `work` does, within the time that its method has. After that the signal is aborted, and it rejects.
 *
 * @throws PushError `UNAVAILABLE` when the time is over, or `outer` is aborted first
 */
export async function inTime(
  { name, declared: { timeout } }: HandlerMethod,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const own = new AbortController();
  const late = new Promise<never>((_, reject) => {
    own.signal.addEventListener('abort', () => reject(own.signal.reason as Error), { once: true });
  });
  const stop = () => own.abort(new PushError('CLOSED', `${name}() was told to stop.`));
  const timer = setTimeout(
    () => own.abort(new PushError('UNAVAILABLE', `${name}() has not finished within ${timeout} ms.`)),
    timeout,
  );
  outer.addEventListener('abort', stop, { once: true });
  if (outer.aborted) stop();
  try {
    await Promise.race([late, work(own.signal)]);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', stop);
  }
}
