import { setTimeout as delay } from 'node:timers/promises';

const shortest = 50;
const longest = 2_000;

/** Milliseconds before attempt number `attempt` (from 1 on): doubled each time, with jitter, so that nodes spread out. */
export function backoffDelay(attempt: number): number {
  return Math.min(shortest * 2 ** (attempt - 1), longest) * (0.75 + Math.random() / 2);
}

/** Waits before attempt number `attempt`, or until `signal` ends it. */
export async function backoff(attempt: number, signal: AbortSignal): Promise<void> {
  await delay(backoffDelay(attempt), undefined, { signal }).catch(() => undefined);
}

/**
 * The result of `work`, or a rejection when it takes longer than `milliseconds`; `onLate` then frees whatever it hangs on.
 */
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
