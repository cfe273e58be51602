import { PushError } from './errors.js';
import { assertPattern, isReserved, isToken } from './topic.js';

/** What may stand in a topic for a value: numbers as they are written in decimal. */
export type TokenValue = string | number | bigint;

/**
 * A topic with values in it, each of which stays within its token:
 *
 * ```ts
 * events.stream(topic`orders.${id}`)
 * events.publish(topic`orders.${id}.items`, item)
 * ```
 *
 * Without the tag, a client that puts `>` or `42.secret` in the place of `id` would choose what it reads. What the code itself
 * writes may have wildcards (topic`orders.${id}.>`). For typed payloads name the declared pattern:
 * topic<'orders.*'>`orders.${id}`.
 *
 * @throws PushError `INVALID_TOPIC`, which Nest answers with 400, for a value that is no token: empty, or with `.`, `*`, `>`,
 * spaces or anything that is not visible ASCII. What may hold such characters goes through {@link encodeToken}
 */
export function topic<Topic extends string = string>(
  literals: TemplateStringsArray,
  ...values: readonly TokenValue[]
): Topic {
  const text = literals.reduce(
    (before, literal, index) => `${before}${tokenOf(values[index - 1])}${literal}`,
  );
  // A client must not get at the topics that are reserved.
  if (isReserved(text) && !isReserved(literals[0]!)) throw notPart(shown(values[0]));
  assertPattern(text);
  return text as Topic;
}

/**
 * `value` as a token of a topic: what a token cannot hold is percent-encoded, as UTF-8, and so are `%` and a leading `$` or
 * `:`, so that different values never make the same token. An id with dots, an e-mail address say, stands so in topics.
 *
 * @throws PushError `INVALID_TOPIC` if it is empty, or no well-formed text
 */
export function encodeToken(value: string): string {
  if (isToken(value) && !/^[$:]|%/.test(value)) return value;
  // Half a surrogate pair has no UTF-8: all of them would be written alike.
  if (value === '' || /\p{Surrogate}/u.test(value)) throw notPart(shown(value));
  return Array.from(Buffer.from(value), (byte, index) => {
    const character = String.fromCharCode(byte);
    const isPlain = isToken(character) && character !== '%' && (index > 0 || !/[$:]/.test(character));
    return isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/**
 * `value` as it stands in a topic.
 *
 * @param what names it in the error
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
