import { PushError } from '../contracts/errors.js';
import type { Metered } from './account.js';
import type { Limits } from './limits.js';

const messages: Record<Metered, string> = {
  messages: 'Too many frames. A connection may send',
  subscribe: 'Too many topics too fast. A connection may subscribe to or unsubscribe from',
  publish: 'Published too fast. A connection may publish',
};

/** The error for `count` more than a rate allows. It is retryable, unless `count` is more than the rate ever allows at once. */
export function refusal(what: Metered, count: number, limits: Limits): PushError {
  const { perSecond, burst } = limits[what];
  const allowance = `${perSecond} a second, ${burst} at once; a user's connections share a limit of their own`;
  return new PushError('LIMIT_EXCEEDED', `${messages[what]} ${allowance}.`, { retryable: count <= burst });
}
