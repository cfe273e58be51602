import { PushError } from '../contracts/errors.js';
import { parsePosition } from '../contracts/position.js';
import type { TopicRetention } from '../contracts/retention.js';
import { expectNone } from '../contracts/state.js';

/**
 * Checks `expect` of an event of `topic`.
 *
 * @throws PushError `INVALID_OPTION`
 */
export function checkExpect(
  retention: TopicRetention,
  { expect, ephemeral }: { readonly expect?: unknown; readonly ephemeral?: boolean },
  topic: string,
): void {
  assertState(retention, 'expect', topic);
  if (ephemeral)
    throw new PushError(
      'INVALID_OPTION',
      'An ephemeral event is not stored: it can expect nothing. Leave out one.',
    );
  const isOne = typeof expect === 'string' && (expect === expectNone || parsePosition(expect) !== undefined);
  if (!isOne) throw new PushError('INVALID_OPTION', `expect is the id of an event, or "${expectNone}".`);
}

/** @throws PushError `INVALID_OPTION` */
export function assertState({ state }: TopicRetention, what: string, topic: string): void {
  if (state) return;
  const message = `${what} is for state topics, and ${topic} is none.`;
  throw new PushError('INVALID_OPTION', `${message} Give a rule of "topics" that matches it state: true.`);
}
