import { PushError } from './errors.js';

/*
 * The one grammar of topics (README "Topics"):
 *
 *   topic   = token *( "." token )            at most 255 characters and 32 tokens
 *   token   = 1*( visible ASCII except "." "*" ">" )
 *   pattern = topic whose tokens may also be "*" (exactly one token) and, as the last one, ">" (one or more tokens)
 *
 * A topic whose first token begins with "$" is reserved: "*" and ">" do not stand for that token, and no client publishes
 * to it.
 */
export const maxTopicLength = 255;

/** The most tokens of a topic or a pattern. Events that are in the log already may have more, and are delivered. */
export const maxTopicTokens = 32;

const tokenGrammar = /^[!-)+\-/-=?-~]+$/;
const topicGrammar = /^[!-)+-\-/-=?-~]+(?:\.[!-)+-\-/-=?-~]+)*$/;
const patternGrammar = /^(?:(?:[!-)+-\-/-=?-~]+|\*)\.)*(?:[!-)+-\-/-=?-~]+|\*|>)$/;

const rule =
  `tokens of visible ASCII characters, joined by ".", ${maxTopicLength} characters and ${maxTopicTokens} tokens at most` +
  ' (URL-encode anything else, for example with encodeURIComponent)';

const star = 0x2a;
const dot = 0x2e;
const rest = 0x3e;

/** Whether `topic` names exactly one topic. */
export function isTopic(topic: unknown): topic is string {
  return isWithinBounds(topic) && topicGrammar.test(topic);
}

/** Whether `pattern` is a topic, or a pattern with `*` or `>`. */
export function isPattern(pattern: unknown): pattern is string {
  return isWithinBounds(pattern) && patternGrammar.test(pattern);
}

function isWithinBounds(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxTopicLength && tokensOf(value) <= maxTopicTokens;
}

/** How many tokens a topic or a pattern has. */
function tokensOf(pattern: string): number {
  let tokens = 1;
  for (let at = pattern.indexOf('.'); at >= 0; at = pattern.indexOf('.', at + 1)) tokens++;
  return tokens;
}

/** @throws PushError `INVALID_TOPIC` unless `topic` names exactly one topic. */
export function assertTopic(topic: unknown): asserts topic is string {
  if (isTopic(topic)) return;
  const hint = isPattern(topic)
    ? 'Publish to one topic; "*" and ">" are for subscribing.'
    : `A topic is ${rule}.`;
  throw new PushError('INVALID_TOPIC', `${describe(topic)} is not a topic. ${hint}`);
}

/** @throws PushError `INVALID_TOPIC` unless `pattern` is a topic or a pattern. */
export function assertPattern(pattern: unknown): asserts pattern is string {
  if (isPattern(pattern)) return;
  throw new PushError(
    'INVALID_TOPIC',
    `${describe(pattern)} is not a topic pattern. A pattern is ${rule}; a whole token may be "*" (any one token)` +
      ' and the last may be ">" (one or more).',
  );
}

/** Whether a pattern can match more than one topic. */
export function isWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('>');
}

/** Whether `value` is a token, the part of a topic between two dots. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxTopicLength && tokenGrammar.test(value);
}

/** Whether the topic, or all that the pattern can match, is reserved: no wildcard stands for its first token. */
export function isReserved(pattern: string): boolean {
  return pattern.startsWith('$');
}

/**
 * Whether a pattern has a wildcard before its last token. With many such patterns one topic matches in many ways, so a
 * connection may have only a few of them.
 */
export function hasInnerWildcard(pattern: string): boolean {
  const at = pattern.indexOf('*');
  return at >= 0 && at < pattern.length - 1;
}

/** Whether everything that `narrow` (a topic or a pattern) can match is matched by `wide` as well. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  if (isReserved(wide) !== isReserved(narrow)) return false;
  let at = 0;
  for (let i = 0; i < wide.length; i++) {
    const char = wide.charCodeAt(i);
    const other = narrow.charCodeAt(at);
    // A wildcard matches whole tokens, so that the next character ends a token on both sides.
    if (char === rest) return at < narrow.length;
    if (char === star) {
      if (at >= narrow.length || other === rest) return false;
      at = endOfToken(narrow, at);
    } else if (char === other) at++;
    else return false;
  }
  return at === narrow.length;
}

/** Whether there is a topic that both patterns match. */
export function overlaps(one: string, other: string): boolean {
  if (isReserved(one) !== isReserved(other)) return false;
  let i = 0;
  let j = 0;
  while (i < one.length && j < other.length) {
    const left = one.charCodeAt(i);
    const right = other.charCodeAt(j);
    if (left === rest || right === rest) return true;
    if (left === star || right === star) {
      i = endOfToken(one, i);
      j = endOfToken(other, j);
    } else if (left === right) {
      i++;
      j++;
    } else return false;
  }
  return i === one.length && j === other.length;
}

/** Where the token that holds `at` ends: at a dot, or at the end. */
export function endOfToken(pattern: string, at: number): number {
  while (at < pattern.length && pattern.charCodeAt(at) !== dot) at++;
  return at;
}

function describe(value: unknown): string {
  if (typeof value !== 'string') return `A value of type ${typeof value}`;
  const tokens = tokensOf(value);
  const depth = tokens > maxTopicTokens ? `, with its ${tokens} tokens,` : '';
  return `${JSON.stringify(value.slice(0, 80))}${depth}`;
}
