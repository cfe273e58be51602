import type { MessageEvent } from '@nestjs/common';
import type { Place } from '../../bus/event-stream.js';

/**
 * A message that comes out of an application's pipe, with an id that can be resumed from whatever the pipe did to it. Nest
 * would number those without an id 1, 2, 3: ephemeral ones, and those of a pipe that makes new messages.
 *
 * @param isLast nothing changes the message between here and Nest
 */
export function identify(message: MessageEvent, place: Place, isLast: boolean): MessageEvent {
  if (!place.isUsed) return message;
  const isObject = typeof message === 'object' && message !== null;
  const { type, retry, comment, data, id } = isObject ? message : ({ data: message } as MessageEvent);
  // For a message without data Nest writes no data line, and clients would never see the event.
  const written = isLast && (data as unknown) === null ? 'null' : data;
  return { type, retry, comment, data: written, id: place.idOf(id) };
}
