import { Inject, Injectable } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, type ExternalContextCreator } from '@nestjs/core';
import {
  EXCEPTION_FILTERS_METADATA,
  INTERCEPTORS_METADATA,
  ownEnhancersOf,
  PIPES_METADATA,
  ROUTE_ARGS_METADATA,
} from './nest-internals.js';

/** A method of the application's that is called with events. */
export interface EventMethod {
  /** The object that has it: of a class whose objects are made for each event, one that has not been made. */
  readonly instance: object;
  readonly method: string;
  /** Whether its object is made for each event. */
  readonly isPerRequest: boolean;
  /** The module that has its class. */
  readonly module: ModuleRef;
  /** What its class is provided as. */
  readonly token: unknown;
}

/** The type of the execution context that enhancers get: `context.getType() === 'push'`, and the event is argument 0. */
const contextType = 'push';

/** Where Nest looks for what is declared for the parameters of the methods. */
const parameters = 'nestjs-push:parameters';

/** None of Nest's kinds of parameters: pipes get "custom" as its type. */
const eventKind = 100;

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Makes callers of methods that are called with events: with their pipes, interceptors and filters, and for each event if asked. */
@Injectable()
export class EventHandlers {
  private creator: ExternalContextCreator | undefined;

  constructor(@Inject(ModuleRef) private readonly own: ModuleRef) {}

  /** A function that calls a method with an event. It returns a promise, or throws, as the method does. */
  callerOf(target: EventMethod): (event: object) => unknown {
    if (target.isPerRequest) return (event) => this.callPerRequest(target, event);
    return this.wrapped(target.instance, target.method) ?? plain(target.instance, target.method);
  }

  private async callPerRequest({ module, method, token }: EventMethod, event: object): Promise<unknown> {
    const contextId = ContextIdFactory.create();
    module.registerRequestByContextId(event, contextId);
    const instance = await module.resolve<object>(token as string, contextId);
    const call = this.wrapped(instance, method, contextId) ?? plain(instance, method);
    return call(event);
  }

  /** `undefined` if the method has no enhancers. */
  private wrapped(
    instance: object,
    method: string,
    contextId?: ReturnType<typeof ContextIdFactory.create>,
  ): ((event: object) => Promise<unknown>) | undefined {
    const callback = (instance as Methods)[method]!;
    const has = (key: string) =>
      Reflect.hasMetadata(key, callback) || Reflect.hasMetadata(key, instance.constructor);
    const [hasPipes, hasInterceptors, filters] = [
      PIPES_METADATA,
      INTERCEPTORS_METADATA,
      EXCEPTION_FILTERS_METADATA,
    ].map(has);
    const declared = declaredParameters(instance, method);
    if (!hasPipes && !hasInterceptors && !filters && !declared) return undefined;
    // Without a declared parameter, pipes get the event.
    const all = declared ?? { [`${eventKind}:0`]: { index: 0, data: undefined, pipes: [] } };
    Reflect.defineMetadata(parameters, all, declarerOf(instance, method), method);
    this.creator ??= ownEnhancersOf(this.own);
    return this.creator.create(
      instance,
      callback,
      method,
      parameters,
      { exchangeKeyForValue: (_type, _data, [event]: unknown[]) => event },
      contextId,
      undefined,
      { guards: false, interceptors: true, filters },
      contextType,
    );
  }
}

function declaredParameters(instance: object, method: string): object | undefined {
  return Reflect.getMetadata(ROUTE_ARGS_METADATA, instance.constructor, method) as object | undefined;
}

/** The class that declares a method, where Nest looks for its parameters. */
function declarerOf(instance: object, method: string): object {
  let prototype = Object.getPrototypeOf(instance) as object;
  while (!Object.hasOwn(prototype, method)) prototype = Object.getPrototypeOf(prototype) as object;
  return prototype.constructor;
}

function plain(instance: object, method: string): (event: object) => unknown {
  return (event) => (instance as Methods)[method]!(event);
}
