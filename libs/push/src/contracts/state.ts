import { PushError } from './errors.js';
import type { Draft } from './event.js';
import type { EventMeta } from './event-meta.js';

/** As `Draft.expect`: the topic has no state. */
export const expectNone = 'none';

/** The metadata of a removal. */
export const removalMeta: EventMeta = Object.freeze({ removed: true });

/** Whether an event says that its topic has no state any more. */
export function isRemoval({ meta }: { readonly meta?: EventMeta }): boolean {
  return meta?.removed === true;
}

/**
 * The error of an append whose `expect` does not hold.
 *
 * @param currentId the id of the topic's newest event; `undefined` if there is none
 */
export function conflictOf(
  { topic, expect }: Pick<Draft, 'topic' | 'expect'>,
  currentId?: string,
): PushError {
  const found = currentId === undefined ? 'it has none' : `it is ${currentId}`;
  const wanted = expect === expectNone ? 'have no state' : `have ${expect} as its newest event`;
  const message = `${topic} was expected to ${wanted}; ${found}. Read what is there, and decide again.`;
  return new PushError('CONFLICT', message, currentId === undefined ? undefined : { currentId });
}
