import { setTimeout as delay } from 'node:timers/promises';
import { PushError } from '../contracts/errors.js';

/** What fails is tried again after so many milliseconds, then after twice as many each time, up to the longest. */
const firstPause = 100;
const longestPause = 2_000;

/** Whether the same call may succeed while this node lives. */
function mayPass(error: unknown): boolean {
  return error instanceof PushError && error.retryable && error.code !== 'CLOSED';
}

/**
 * Does something, again and again until the log is there for it. After the signal it is not tried again, and `undefined` stands
 * for its result.
 *
 * @throws what it throws, unless the same call may succeed later
 */
export async function retried<Value>(
  run: () => Promise<Value>,
  signal?: AbortSignal,
): Promise<Value | undefined> {
  for (let pause = firstPause; !signal?.aborted; pause = Math.min(2 * pause, longestPause)) {
    try {
      return await run();
    } catch (error) {
      if (!mayPass(error)) throw error;
    }
    await delay(pause, undefined, { ref: false, signal }).catch(() => undefined);
  }
  return undefined;
}
