import type { GapNotice } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';

/** What is reported of a gap that no method is there for. @param handler the name of the method that misses events */
export function gapError(handler: string, { reason, topics }: GapNotice): PushError {
  const message = `${handler}() misses events of ${topics.join(', ')} (${reason}): they are gone. Give it onGap to make up for them.`;
  return new PushError('UNAVAILABLE', message);
}
