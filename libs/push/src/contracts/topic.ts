import { PushError } from './errors.js';

/*
 * The one grammar of topics (README "Topics"):
 *
 *   topic   = token *( "." token )            at most 255 characters
 *   token   = 1*( visible ASCII except "." "*" ">" )
 *   pattern = topic whose tokens may also be "*" (exactly one token) and, as the last one, ">" (one or more tokens)
 */
export const maxTopicLength = 255;

const topicGrammar = /^[!-)+-\-/-=?-~]+(?:\.[!-)+-\-/-=?-~]+)*$/;
const patternGrammar = /^(?:(?:[!-)+-\-/-=?-~]+|\*)\.)*(?:[!-)+-\-/-=?-~]+|\*|>)$/;

const rule =
  'tokens of visible ASCII characters, joined by ".", 255 characters at most' +
  ' (URL-encode anything else, for example with encodeURIComponent)';

/** Whether `topic` names exactly one topic. */
export function isTopic(topic: unknown): topic is string {
  return typeof topic === 'string' && topic.length <= maxTopicLength && topicGrammar.test(topic);
}

/** Whether `pattern` is a topic, or a pattern with `*` or `>`. */
export function isPattern(pattern: unknown): pattern is string {
  return typeof pattern === 'string' && pattern.length <= maxTopicLength && patternGrammar.test(pattern);
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

/** Whether everything that `narrow` (a topic or a pattern) can match is matched by `wide` as well. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  const wideTokens = wide.split('.');
  const narrowTokens = narrow.split('.');
  for (let i = 0; i < wideTokens.length; i++) {
    const token = wideTokens[i];
    if (token === '>') return narrowTokens.length > i;
    const other = narrowTokens[i];
    if (other === undefined || other === '>') return false;
    if (token !== '*' && token !== other) return false;
  }
  return wideTokens.length === narrowTokens.length;
}

/** Whether there is a topic that both patterns match. */
export function overlaps(one: string, other: string): boolean {
  const left = one.split('.');
  const right = other.split('.');
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] === '>' || right[i] === '>') return true;
    if (left[i] !== '*' && right[i] !== '*' && left[i] !== right[i]) return false;
  }
  return left.length === right.length;
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `A value of type ${typeof value}`;
}
