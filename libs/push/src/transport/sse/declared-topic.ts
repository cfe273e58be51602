import { PushError } from '../../contracts/errors.js';
import type { RawRequest } from './raw-response.js';

const token = /^[!-)+\-/-=?-~]+$/;

/**
 * The topic of a `@PushSse()` route, with the request's parameters in the place of `:name`.
 *
 * @throws PushError `INVALID_TOPIC` if a parameter is not a single token: a client must not widen what it asks for;
 * `INVALID_OPTION` if the declaration is wrong
 */
export function declaredTopic(topic: string | undefined, request: RawRequest): string {
  if (topic === undefined)
    throw new PushError('INVALID_OPTION', '@PushSse() without a topic has to return topics.');
  const { params = {} } = request as RawRequest & { params?: Record<string, unknown> };
  const tokens = topic
    .split('.')
    .map((part) => (part.startsWith(':') ? parameter(params, part.slice(1)) : part));
  return tokens.join('.');
}

function parameter(params: Record<string, unknown>, name: string): string {
  const value = params[name];
  if (value === undefined)
    throw new PushError('INVALID_OPTION', `@PushSse() names :${name}, which is no parameter of its route.`);
  if (typeof value === 'string' && token.test(value)) return value;
  const rule = 'visible ASCII characters without ".", "*" and ">"';
  throw new PushError(
    'INVALID_TOPIC',
    `The route parameter "${name}" cannot be part of a topic: it has to be ${rule}.`,
  );
}
