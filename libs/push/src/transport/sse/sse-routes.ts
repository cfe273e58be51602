import { Req, Res, type Type } from '@nestjs/common';
import { INTERCEPTORS_METADATA, ROUTE_ARGS_METADATA, SSE_METADATA } from '@nestjs/common/internal';
import { MetadataScanner, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { pushSseRoute } from './push-sse.decorator.js';
import type { SseServer } from './sse-server.js';
import type { RawRequest, RawResponse } from './raw-response.js';

type Handler = (...args: unknown[]) => unknown;

/** Handlers that stand in for others, and the index of the request among their arguments. */
const wrapped = new WeakMap<Handler, { original: Handler; index: number }>();

/**
 * Puts itself between Nest and every `@Sse()` handler, before Nest builds the routes: that is how an event stream learns
 * which client it is for (its last event id, its response), whatever the handler's own parameters are. The handler gets
 * the request and the response as two more arguments; everything else about the route stays Nest's.
 */
export class SseRoutes {
  constructor(
    modules: ModulesContainer,
    private readonly config: ApplicationConfig,
    private readonly server: SseServer,
  ) {
    const scanner = new MetadataScanner();
    for (const { controllers } of modules.values()) {
      for (const { metatype } of controllers.values()) {
        if (!metatype) continue;
        const prototype = metatype.prototype as Record<string, Handler>;
        for (const name of scanner.getAllMethodNames(prototype)) this.wrap(metatype as Type, prototype, name);
      }
    }
  }

  private wrap(controller: Type, prototype: Record<string, Handler>, name: string): void {
    const current = prototype[name]!;
    if (!Reflect.getMetadata(SSE_METADATA, current)) return;
    // The same class may be part of several applications in one process, one after the other.
    const { original, index } = wrapped.get(current) ?? {
      original: current,
      index: receiveRequest(prototype, name),
    };
    const isIntercepted = () => this.hasInterceptors(controller, original);
    const { server } = this;
    const route = pushSseRoute(original);
    const handler = function (this: unknown, ...args: unknown[]): unknown {
      const [request, response] = args.splice(index, 2) as [RawRequest, RawResponse];
      const client = { request, response, isIntercepted: isIntercepted() };
      const run = () => original.apply(this, args);
      return route ? server.serveTopics(client, route, run) : server.serve(client, run);
    };
    for (const key of Reflect.getOwnMetadataKeys(original)) {
      Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, original), handler);
    }
    Object.defineProperty(handler, 'name', { value: original.name });
    wrapped.set(handler, { original, index });
    prototype[name] = handler;
  }

  private hasInterceptors(controller: Type, handler: Handler): boolean {
    const own = (target: object) =>
      ((Reflect.getMetadata(INTERCEPTORS_METADATA, target) ?? []) as unknown[]).length > 0;
    return (
      own(handler) ||
      own(controller) ||
      this.config.getGlobalInterceptors().length > 0 ||
      this.config.getGlobalRequestInterceptors().length > 0
    );
  }
}

/** Makes Nest pass request and response behind the handler's own arguments. Returns the index of the request. */
function receiveRequest(prototype: object, name: string): number {
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, prototype.constructor, name) ?? {}) as Record<
    string,
    { index: number }
  >;
  const index = Math.max(-1, ...Object.values(parameters).map((parameter) => parameter.index)) + 1;
  Req()(prototype, name, index);
  Res({ passthrough: true })(prototype, name, index + 1);
  return index;
}
