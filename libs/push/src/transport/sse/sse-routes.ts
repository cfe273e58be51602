import { Inject, Injectable, Req, Res, type Type } from '@nestjs/common';
import { INTERCEPTORS_METADATA, ROUTE_ARGS_METADATA, SSE_METADATA } from '../../platform/nest-internals.js';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { preciseTime } from '../../access/precise-time.js';
import { isPushEndpoint } from '../../access/push-endpoint.js';
import { parametersEnd } from '../../platform/route-metadata.js';
import { pushSseRoute } from './push-sse.decorator.js';
import { SseServer } from './sse-server.js';
import type { RawRequest, RawResponse } from '../../platform/raw-response.js';

type Handler = (...args: unknown[]) => unknown;
type Handlers = Record<string, Handler>;

/* Controller classes may be part of several applications in one process: each class is changed only once. */

/** The original of each handler that was wrapped. */
const originals = new WeakMap<Handler, Handler>();
/** The index of the request among the arguments of a handler, by controller class and method. */
const requestIndexes = new WeakMap<Type, Map<string, number>>();

/**
 * Wraps every `@Sse()` handler, so that an event stream knows its client (its last event id, its response) whatever parameters
 * the handler declares. Nest passes the request and the response to the wrapper as two more arguments. Nothing else about the
 * route changes.
 */
@Injectable()
export class SseRoutes {
  /** Whether the application has SSE routes of its own. */
  private hasOwn = false;

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(SseServer) private readonly server: SseServer,
  ) {}

  /** Describes the principals of the application's own routes; `undefined` if it has none. */
  get description(): string | undefined {
    return this.hasOwn ? this.server.routePrincipals : undefined;
  }

  /** Wraps the handlers. Call it when the controllers exist, and before Nest builds their routes. */
  install(): void {
    const scanner = new MetadataScanner();
    for (const { controllers } of this.modules.values()) {
      for (const controller of controllers.values()) {
        const { metatype, instance } = controller;
        if (!metatype) continue;
        const prototype = metatype.prototype as Handlers;
        // A request-scoped controller has no instance yet, so its prototype is wrapped.
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
    // Its own, and what it inherits: a handler may be derived from another one.
    for (const key of Reflect.getMetadataKeys(original)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, original), handler);
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

/** Makes Nest pass request and response after the handler's own arguments. Returns the index of the request. */
function requestIndex(controller: Type, name: string): number {
  const declaring = declaringClass(controller, name);
  let indexes = requestIndexes.get(declaring);
  if (!indexes) requestIndexes.set(declaring, (indexes = new Map()));
  let index = indexes.get(name);
  if (index === undefined) {
    index = parametersEnd(declaring, name);
    indexes.set(name, index);
    Req()(declaring.prototype, name, index);
    Res({ passthrough: true })(declaring.prototype, name, index + 1);
  }
  return index;
}

/** The class that declares the parameters of the handler. Subclasses that inherit the handler share them. */
function declaringClass(controller: Type, name: string): Type<object> {
  for (let each: Type | null = controller; each; each = Object.getPrototypeOf(each) as Type | null) {
    if (Reflect.hasOwnMetadata(ROUTE_ARGS_METADATA, each, name)) return each;
  }
  return controller;
}
