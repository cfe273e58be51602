import { PushError } from './errors.js';
import { assertPattern, isReserved, isToken } from './topic.js';

/** A value that may be part of a topic. Numbers are written in decimal. */
export type TokenValue = string | number | bigint;

/**
 * A topic with values in it, each of which stays within its token:
 *
 * ```ts
 * events.stream(topic`orders.${id}`)
 * events.publish(topic`orders.${id}.items`, item)
 * ```
 *
 * Without the tag, a client that puts `>` or `42.secret` in place of `id` would choose what it reads. The literal parts
 * may have wildcards (topic`orders.${id}.>`). For typed payloads name the declared pattern:
 * topic<'orders.*'>`orders.${id}`.
 *
 * @throws PushError `INVALID_TOPIC`, which Nest answers with 400, for a value that is no token: empty, or with `.`, `*`, `>`,
 * spaces or anything that is not visible ASCII. Use {@link encodeToken} for values that may have such characters
 */
export function topic<Topic extends string = string>(
  literals: TemplateStringsArray,
  ...values: readonly TokenValue[]
): Topic {
  const text = literals.reduce(
    (before, literal, index) => `${before}${tokenOf(values[index - 1])}${literal}`,
  );
  // A value must not turn the topic into a reserved one.
  if (isReserved(text) && !isReserved(literals[0]!)) throw notPart(shown(values[0]));
  assertPattern(text);
  return text as Topic;
}

/**
 * Encodes `value` as one token of a topic, for example an e-mail address. Characters that a token cannot have are
 * percent-encoded as UTF-8. So are `%` and a leading `$` or `:`, so that different values never make the same token.
 *
 * @throws PushError `INVALID_TOPIC` if it is empty, or no well-formed text
 */
export function encodeToken(value: string): string {
  if (isToken(value) && !/^[$:]|%/.test(value)) return value;
  // A lone surrogate has no UTF-8: all of them would get the same encoding.
  if (value === '' || /\p{Surrogate}/u.test(value)) throw notPart(shown(value));
  return Array.from(Buffer.from(value), (byte, index) => {
    const character = String.fromCharCode(byte);
    const isPlain = isToken(character) && character !== '%' && (index > 0 || !/[$:]/.test(character));
    return isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/**
 * Returns `value` as text, if it is one token.
 *
 * @param what the name of the value in the error
 * @throws PushError `INVALID_TOPIC` unless it stays within a token
 */
export function tokenOf(value: TokenValue | undefined, what = shown(value)): string {
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  if (isToken(text)) return text;
  throw notPart(what);
}

/** The error for a value that a client must not put into a topic. */
export function notPart(what: string): PushError {
  const rule = 'visible ASCII characters without ".", "*" and ">", and no "$" at the beginning of the topic';
  return new PushError('INVALID_TOPIC', `${what} cannot be part of a topic: it has to be ${rule}.`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `A value of type ${typeof value}`;
}
