import { PushError } from '../../contracts/errors.js';
import { isReserved } from '../../contracts/topic.js';
import { notPart, tokenOf } from '../../contracts/topic-tag.js';
import type { RawRequest } from '../../platform/raw-response.js';

/**
 * The topic of a `@PushSse()` route, with each `:name` replaced by the request's parameter.
 *
 * @throws PushError `INVALID_TOPIC` if a parameter is not a single token, or would select a reserved topic: a client must not
 * widen its own request; `INVALID_OPTION` if the declaration is wrong
 */
export function declaredTopic(topic: string | undefined, request: RawRequest): string {
  if (topic === undefined)
    throw new PushError('INVALID_OPTION', '@PushSse() without a topic has to return topics.');
  const { params = {} } = request as RawRequest & { params?: Record<string, unknown> };
  const tokens = topic
    .split('.')
    .map((part, index) => (part.startsWith(':') ? parameter(params, part.slice(1), index === 0) : part));
  return tokens.join('.');
}

function parameter(params: Record<string, unknown>, name: string, isFirst: boolean): string {
  const value = params[name];
  if (value === undefined)
    throw new PushError('INVALID_OPTION', `@PushSse() names :${name}, which is no parameter of its route.`);
  const token = tokenOf(typeof value === 'string' ? value : undefined, `The route parameter "${name}"`);
  if (isFirst && isReserved(token)) throw notPart(`The route parameter "${name}"`);
  return token;
}
