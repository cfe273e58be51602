import type { MessageEvent } from '@nestjs/common';
import type { Place } from './place.js';

/**
 * A message that comes out of an application's pipe, with an id that can be resumed from whatever the pipe did to it. Nest
 * would number those without an id 1, 2, 3: ephemeral ones, and those of a pipe that makes new messages.
 *
 * @param isLast nothing changes the message between here and Nest
 * @throws TypeError if it is the last to see the data, and that is no JSON
 */
export function identify(message: MessageEvent, place: Place, isLast: boolean): MessageEvent {
  if (!place.isUsed) return message;
  const isObject = typeof message === 'object' && message !== null;
  const { type, retry, comment, data, id } = isObject ? message : ({ data: message } as MessageEvent);
  return { type, retry, comment, data: isLast ? written(data) : data, id: place.idOf(id) };
}

/**
 * As Nest would write it, but where its failure is ours to tell. For a message without data Nest writes no data line, and
 * clients would never see the event.
 */
function written(data: MessageEvent['data'] | null): MessageEvent['data'] {
  return data === undefined || typeof data === 'string' ? data : JSON.stringify(data);
}
