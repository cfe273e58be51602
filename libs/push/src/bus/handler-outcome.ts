/*
 * What becomes of an event that is handed to observers. They are at the end of a pipe, which returns nothing: so the pipe's
 * beginning collects what its end notes. Both happen in one call, so one place is enough.
 */
let outcomes: Promise<unknown>[] | undefined;

/**
 * Calls observers by `next`. Returns a promise of what they still do, which rejects with what one of them throws; `undefined` if they
 * are done.
 */
export function outcomeOf(next: () => void): Promise<unknown> | undefined {
  const outer = outcomes;
  const own: Promise<unknown>[] = [];
  outcomes = own;
  try {
    next();
  } finally {
    outcomes = outer;
  }
  return own.length > 0 ? allOf(own) : undefined;
}

/** Notes what an observer has returned or thrown, if somebody asks. An event that the pipe has held is not waited for. */
export function noteOutcome(outcome: () => Promise<unknown>): void {
  outcomes?.push(outcome());
}

async function allOf(outcomes: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(outcomes);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
