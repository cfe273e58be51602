import { PushError } from '../contracts/errors.js';

/**
 * Runs a decision of the application, for so many milliseconds at most. It learns from the signal that nobody waits for
 * its answer any more.
 *
 * @throws PushError `UNAVAILABLE` when the time is up; otherwise what `run` throws
 */
export async function decide<T>(
  milliseconds: number,
  run: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new PushError('UNAVAILABLE', 'The server took too long to decide. Come back later.');
      controller.abort(error);
      reject(error);
    }, timeoutOf(milliseconds));
  });
  try {
    return await Promise.race([run(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Longer timeouts fire at once in Node. */
export const longestTimeout = 2 ** 31 - 1;

function timeoutOf(milliseconds: number): number {
  return Math.min(milliseconds, longestTimeout);
}
