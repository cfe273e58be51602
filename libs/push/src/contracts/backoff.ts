import { setTimeout as delay } from 'node:timers/promises';

const shortest = 50;
const longest = 2_000;

/**
 * How many milliseconds to wait after `attempt` attempts have failed: from about 50 it doubles each time, up to about 2,000.
 * It has jitter, so that the nodes of an application do not retry at the same moment.
 */
export function backoffDelay(attempt: number): number {
  return Math.min(shortest * 2 ** (attempt - 1), longest) * (0.75 + Math.random() / 2);
}

/** Waits for `backoffDelay(attempt)`, or until `signal` is aborted. */
export async function backoff(attempt: number, signal: AbortSignal): Promise<void> {
  await delay(backoffDelay(attempt), undefined, { signal }).catch(() => undefined);
}

/** Resolves as `work` does, or rejects after `milliseconds`. Then it calls `onLate`, which frees what `work` waits for. */
export async function within<T>(milliseconds: number, work: Promise<T>, onLate: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onLate();
      reject(new Error(`no answer within ${milliseconds} ms`));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
