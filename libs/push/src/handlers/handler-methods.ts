import type { ModulesContainer } from '@nestjs/core';
import { decoratedMethods, type DecoratedMethod } from '../bus/decorated-methods.js';
import type { GapNotice } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { parametersIn } from '../contracts/parameters.js';
import type { EventHandlers } from '../platform/event-handlers.js';
import { HandlerCounts } from './handler-readings.js';
import { handlerMetadata, type DeclaredHandler, type OnPushEvent } from './on-push.decorator.js';

type Declared = DecoratedMethod<readonly DeclaredHandler[], never>;

/** A method of the application's that handles events. */
export class HandlerMethod {
  /**
   * @param name its class and its own name: `OrdersService.bill`
   * @param call calls it with an event
   * @param gap calls the method for gaps; `undefined` if there is none
   * @param counts what it has done; one for all of its declarations in a group
   */
  constructor(
    readonly name: string,
    readonly declared: DeclaredHandler,
    private readonly call: (event: object) => unknown,
    readonly gap: ((notice: GapNotice) => unknown) | undefined,
    readonly counts: HandlerCounts,
  ) {}

  /** Whether it wants the events of a topic. */
  wants(topic: string): boolean {
    return parametersIn(topic, this.declared.pattern) !== undefined;
  }

  /** Hands it an event. @throws (or rejects with) what the method throws */
  handle(event: LogEvent, attempt: number, signal: AbortSignal): unknown {
    const { id, topic, type, data, meta } = event;
    const params = parametersIn(topic, this.declared.pattern) ?? {};
    const handled: OnPushEvent = {
      id,
      topic,
      type,
      data: JSON.parse(data) as unknown,
      meta,
      params,
      attempt,
      signal,
    };
    return this.call(handled);
  }
}

/**
 * The `@OnPush()` methods of the application.
 *
 * @throws PushError `INVALID_OPTION` for an `onGap` that is no method
 */
export function handlerMethods(modules: ModulesContainer, handlers: EventHandlers): readonly HandlerMethod[] {
  const counts = new Map<string, HandlerCounts>();
  const countsOf = (name: string, group: string | undefined) => {
    const key = `${name} ${group ?? ''}`;
    const known = counts.get(key) ?? new HandlerCounts(name, group);
    counts.set(key, known);
    return known;
  };
  return decoratedMethods<readonly DeclaredHandler[], never>(modules, handlerMetadata).flatMap((method) => {
    const { name } = method;
    const call = handlers.callerOf(method);
    return method.metadata.map((declared) => {
      const gap = gapCaller(method, declared, handlers);
      return new HandlerMethod(name, declared, call, gap, countsOf(name, declared.group));
    });
  });
}

function gapCaller(method: Declared, { onGap }: DeclaredHandler, handlers: EventHandlers) {
  if (onGap === undefined) return undefined;
  if (typeof (method.instance as Record<string, unknown>)[onGap] !== 'function')
    throw new PushError(
      'INVALID_OPTION',
      `onGap of ${method.name}() names ${onGap}(), which its class does not have.`,
    );
  return handlers.callerOf({ ...method, method: onGap });
}

/** Whether a class of the application has a method that belongs to a group, before any object is made. */
export function hasGroups(modules: ModulesContainer): boolean {
  for (const { providers, controllers } of modules.values())
    for (const { metatype } of [...providers.values(), ...controllers.values()])
      if (typeof metatype === 'function' && declaresGroup(metatype.prototype as object | undefined))
        return true;
  return false;
}

function declaresGroup(prototype: object | undefined): boolean {
  for (let at = prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function' && isInGroup(value as object)) return true;
  return false;
}

function isInGroup(method: object): boolean {
  const declared = Reflect.getMetadata(handlerMetadata, method) as readonly DeclaredHandler[] | undefined;
  return declared?.some(({ group }) => group !== undefined) ?? false;
}
