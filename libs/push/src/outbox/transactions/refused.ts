import { PushError } from '../../contracts/errors.js';

/**
 * The error for an object whose statements would not run in the caller's transaction.
 *
 * @param what was passed: "a pool of pg"
 * @param remedy what to do instead
 */
export function refused(what: string, remedy: string): PushError {
  return new PushError(
    'INVALID_OPTION',
    `outbox.publish() got ${what}: the event would not be part of your transaction. ${remedy}`,
  );
}
