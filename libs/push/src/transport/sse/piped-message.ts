import type { MessageEvent } from '@nestjs/common';
import type { RoutePosition } from './route-position.js';

/**
 * Gives a message from an application's pipe an id that clients can resume from. Ephemeral messages have no id, and neither have
 * new messages that a pipe creates; Nest would number them 1, 2, 3.
 *
 * @param isLast whether nothing changes the message between here and Nest
 * @throws TypeError if `isLast` is set and the data is not JSON
 */
export function identify(message: MessageEvent, position: RoutePosition, isLast: boolean): MessageEvent {
  if (!position.readsLog) return message;
  const isObject = typeof message === 'object' && message !== null;
  const { type, retry, comment, data, id } = isObject ? message : ({ data: message } as MessageEvent);
  return { type, retry, comment, data: isLast ? written(data) : data, id: position.advance(id) };
}

/**
 * Serializes the data as Nest would, but early, so that a failure can be reported to the client. For a message without data Nest
 * writes no data line, and clients would never see the event.
 */
function written(data: MessageEvent['data'] | null): MessageEvent['data'] {
  return data === undefined || typeof data === 'string' ? data : JSON.stringify(data);
}
