import { Sse } from '@nestjs/common';
import type { StreamOptions } from '../../bus/event-stream.js';
import { assertPattern } from '../../contracts/topic.js';

/** What `@PushSse()` noted about a route. */
export interface PushSseRoute {
  /** A topic or pattern whose tokens may be route parameters (`:id`). */
  readonly topic: string | undefined;
  readonly options: StreamOptions;
}

const routes = new WeakMap<object, PushSseRoute>();

/** What `@PushSse()` noted about this handler, if it did. */
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
 * The method runs after guards and pipes. It may throw to refuse, return topics (or a promise of them) to read instead of
 * the declared one (with wildcards only if `options.wildcards` says so), or return nothing. Interceptors wrap the connection here, not each event: the events never pass
 * through them. With `@Sse()` they do.
 *
 * @param path the route's path
 * @param topic a topic or pattern; a token `:name` stands for the route parameter `name`, which must be a single token
 * @throws PushError `INVALID_TOPIC`
 */
export function PushSse(path: string, topic?: string, options: StreamOptions = {}): MethodDecorator {
  if (topic !== undefined) assertPattern(topic);
  return (target, key, descriptor) => {
    routes.set(descriptor.value as object, { topic, options });
    Sse(path)(target, key, descriptor);
  };
}
