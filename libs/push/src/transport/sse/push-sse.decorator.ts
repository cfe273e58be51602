import { Sse } from '@nestjs/common';
import type { DeclaredPattern, PresenceOf, PushTopics, WideOf } from '../../bus/declared-topics.js';
import type { StreamOptions } from '../../bus/event-stream.js';
import { assertPattern } from '../../contracts/topic.js';
import { describeStreamRoute } from './route-openapi.js';

/** The arguments of `@PushSse()` for a route. */
export interface PushSseRoute {
  /** A topic or pattern. Its tokens may be route parameters (`:id`). */
  readonly topic: string | undefined;
  readonly options: StreamOptions;
}

/** The parameters of a route, or of a topic whose dots are slashes. */
const parameterGrammar = /(?<=^|[/.-]):(\w+)/g;

const routes = new WeakMap<object, PushSseRoute>();

/** Returns the `@PushSse()` route of this handler; `undefined` if it has none. */
export function pushSseRoute(handler: object): PushSseRoute | undefined {
  return routes.get(handler);
}

/**
 * An SSE route whose topics come from its route parameters:
 *
 * ```ts
 * @PushSse(':id/events', 'orders.:id')
 * watch(@Param('id', ParseIntPipe) id: number, @Req() request: Request) {
 *   if (!mayRead(request.user, id)) throw new ForbiddenException();
 * }
 * ```
 *
 * The method runs after guards and pipes. It may throw to refuse the client, return topics (or a promise of them) to read
 * instead of the declared one, or return nothing. Topics that it returns may have wildcards only with `options.wildcards`.
 * Interceptors wrap the connection, and events do not pass through them. With `@Sse()` they do.
 *
 * @param path the route's path
 * @param topic a topic or pattern; a token `:name` stands for the route parameter `name`, which must be a single token
 * @throws PushError `INVALID_TOPIC`
 */
export function PushSse<const Pattern extends string>(
  path: string,
  topic?: DeclaredPattern<PushTopics, Pattern>,
  options: StreamOptions<PresenceOf<PushTopics, WideOf<Pattern>>> = {},
): MethodDecorator {
  if (topic !== undefined) assertPattern(topic);
  return (target, key, descriptor) => {
    routes.set(descriptor.value as object, { topic, options });
    Sse(path)(target, key, descriptor);
    const names = `${path}/${topic?.replaceAll('.', '/') ?? ''}`.matchAll(parameterGrammar);
    const handler = descriptor.value as object;
    describeStreamRoute(
      target,
      String(key),
      handler,
      [...names].map(([, name]) => name!),
    );
  };
}
