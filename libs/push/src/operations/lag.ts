import type { Backplane } from '../contracts/backplane.js';
import type { Hub } from '../hub/hub.js';

/** How long the server may take to tell the head of its log, in milliseconds. */
const patience = 1_000;

/**
 * How many entries of the log this node has not read yet; `undefined` if that cannot be known now: the server is away, or does
 * not answer within a second, or its log is another one. Without a server it is 0.
 */
export async function lagOf(
  backplane: Pick<Backplane, 'head' | 'stats'>,
  hub: Pick<Hub, 'head'>,
): Promise<number | undefined> {
  if (!hub.head) return undefined;
  if (!backplane.head) return 0;
  if (backplane.stats?.().isAway) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patience).unref();
  });
  const head = await Promise.race([backplane.head().catch(() => undefined), late]);
  clearTimeout(timer);
  // What this node reads while it waits for the answer is no lag.
  const own = hub.head;
  return head && head.epoch === own.epoch ? Math.max(0, head.sequence - own.sequence) : undefined;
}
