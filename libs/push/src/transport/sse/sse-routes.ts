import { Inject, Injectable, Req, Res, type Type } from '@nestjs/common';
import { INTERCEPTORS_METADATA, ROUTE_ARGS_METADATA, SSE_METADATA } from '../../platform/nest-internals.js';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { preciseTime } from '../../access/precise-time.js';
import { isPushEndpoint } from '../../access/push-endpoint.js';
import { pushSseRoute } from './push-sse.decorator.js';
import { SseServer } from './sse-server.js';
import type { RawRequest, RawResponse } from '../../platform/raw-response.js';

type Handler = (...args: unknown[]) => unknown;
type Handlers = Record<string, Handler>;
type Parameters = Record<string, { readonly index: number }>;

/* Controller classes may be part of several applications in one process: what is done to a class is done once. */

/** What a handler of ours stands in for. */
const originals = new WeakMap<Handler, Handler>();
/** By controller class and method: at which index the handler gets the request. */
const requestIndexes = new WeakMap<Type, Map<string, number>>();

/**
 * Puts itself between Nest and every `@Sse()` handler: that is how an event stream learns which client it is for (its last
 * event id, its response), whatever the handler's own parameters are. The handler gets the request and the response as two
 * more arguments; everything else about the route stays Nest's.
 */
@Injectable()
export class SseRoutes {
  /** The application has routes of its own. */
  private hasOwn = false;

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(SseServer) private readonly server: SseServer,
  ) {}

  /** Whose the streams of the application's own routes are, in words; `undefined` if it has none. */
  get description(): string | undefined {
    return this.hasOwn ? this.server.routePrincipals : undefined;
  }

  /** Called when the controllers exist, and before Nest builds their routes. */
  install(): void {
    const scanner = new MetadataScanner();
    for (const { controllers } of this.modules.values()) {
      for (const controller of controllers.values()) {
        const { metatype, instance } = controller;
        if (!metatype) continue;
        const prototype = metatype.prototype as Handlers;
        // Of a class that is made anew for each request, the prototype is all there is.
        const target = controller.isDependencyTreeStatic() ? (instance as Handlers) : prototype;
        for (const name of scanner.getAllMethodNames(prototype)) this.wrap(metatype as Type, target, name);
      }
    }
  }

  private wrap(controller: Type, target: Handlers, name: string): void {
    const current = target[name]!;
    if (!Reflect.getMetadata(SSE_METADATA, current)) return;
    const original = originals.get(current) ?? current;
    const index = requestIndex(controller, name);
    const isIntercepted = () => this.hasInterceptors(controller, original);
    const isOwn = isPushEndpoint(controller);
    if (!isOwn) this.hasOwn = true;
    const { server } = this;
    const route = pushSseRoute(original);
    const handler = function (this: unknown, ...args: unknown[]): unknown {
      const [request, response] = args.splice(index, 2) as [RawRequest, RawResponse];
      const isWatched = args.some((argument) => argument instanceof AbortSignal);
      const client = {
        request,
        response,
        isIntercepted: isIntercepted(),
        isOwn,
        isWatched,
        since: preciseTime(),
      };
      const run = () => original.apply(this, args);
      return route ? server.serveTopics(client, route, run) : server.serve(client, run);
    };
    for (const key of Reflect.getOwnMetadataKeys(original)) {
      Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, original), handler);
    }
    Object.defineProperty(handler, 'name', { value: original.name });
    originals.set(handler, original);
    target[name] = handler;
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
function requestIndex(controller: Type, name: string): number {
  const declaring = declaringClass(controller, name);
  let indexes = requestIndexes.get(declaring);
  if (!indexes) requestIndexes.set(declaring, (indexes = new Map()));
  let index = indexes.get(name);
  if (index === undefined) {
    const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, declaring, name) ?? {}) as Parameters;
    index = Math.max(-1, ...Object.values(parameters).map((parameter) => parameter.index)) + 1;
    indexes.set(name, index);
    Req()(declaring.prototype, name, index);
    Res({ passthrough: true })(declaring.prototype, name, index + 1);
  }
  return index;
}

/** The class whose parameters hold for the handler: where it is inherited, its children share what is done to it. */
function declaringClass(controller: Type, name: string): Type<object> {
  for (let each: Type | null = controller; each; each = Object.getPrototypeOf(each) as Type | null) {
    if (Reflect.hasOwnMetadata(ROUTE_ARGS_METADATA, each, name)) return each;
  }
  return controller;
}
