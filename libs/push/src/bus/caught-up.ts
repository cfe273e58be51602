import { within } from '../contracts/backoff.js';
import type { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { Hub } from '../hub/hub.js';

/** How long a node may take to read the log up to its head, in milliseconds. */
const patience = 5_000;

/**
 * Resolves once this node has read everything that the log has at the call.
 *
 * @throws PushError `UNAVAILABLE` if the log cannot be read, if that takes longer than five seconds, or if another log has begun
 */
export async function caughtUp(hub: Hub, backplane: Backplane): Promise<void> {
  try {
    const head = (await backplane.head?.()) ?? hub.head;
    if (!head) throw new Error('the log is not known yet');
    let cancel: () => void = () => undefined;
    const reached = new Promise<void>((resolve, reject) => {
      cancel = hub.whenReached(head, (mismatch) => {
        if (mismatch) reject(new Error(`the head of the log is of another one (${mismatch})`));
        else resolve();
      });
    });
    await within(patience, reached, cancel);
  } catch (cause) {
    const message =
      'This node cannot read the log up to its head now. Try again when the backplane is there.';
    throw new PushError('UNAVAILABLE', message, { cause });
  }
}
