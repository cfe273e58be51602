import { Inject, Injectable, SetMetadata, type OnModuleInit } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ErrorReporter } from '../bus/error-reporter.js';
import type { DisconnectReason, TransportName } from '../contracts/connection.js';
import type { Principal } from '../contracts/principal.js';

/** What hooks are told of a connection. */
export interface ConnectionContext {
  /** The connection's id. */
  readonly connection: string;
  readonly transport: TransportName;
  /** Whose it is; `undefined` for an anonymous client, and on routes of the application that know of none. */
  readonly principal: Principal | undefined;
}

/** What `@OnPushDisconnect()` methods are told. */
export interface DisconnectContext extends ConnectionContext {
  readonly reason: DisconnectReason;
}

/** What `@OnPushSubscribe()` and `@OnPushUnsubscribe()` methods are told. */
export interface SubscribeContext extends ConnectionContext {
  readonly topics: readonly string[];
}

type HookName = 'connect' | 'disconnect' | 'subscribe' | 'unsubscribe';
type Hook = (context: ConnectionContext) => unknown;

const hookMetadata = 'nestjs-push:hook';

/**
 * Calls the method, of any provider, for each new connection, before anything is sent on it; a promise is awaited. What it
 * throws refuses the connection: an `HttpException` or a `PushError` says how.
 *
 * For each such call there is one of the `@OnPushDisconnect()` methods later, whatever happens in between.
 */
export const OnPushConnect = (): MethodDecorator => SetMetadata(hookMetadata, 'connect' satisfies HookName);

/**
 * Calls the method once for each connection that the `@OnPushConnect()` methods were called for, when it has ended and they
 * have finished; with the reason `error` if they refused it. Shutdown waits for its promise, within `shutdownTimeout`.
 */
export const OnPushDisconnect = (): MethodDecorator =>
  SetMetadata(hookMetadata, 'disconnect' satisfies HookName);

/**
 * Calls the method before a connection gets the events of topics that it asks for; a promise is awaited. What it throws
 * refuses the subscription.
 */
export const OnPushSubscribe = (): MethodDecorator =>
  SetMetadata(hookMetadata, 'subscribe' satisfies HookName);

/**
 * Calls the method when a connection that stays gets some of its topics no more: the client has unsubscribed, or its right to
 * them was revoked. A connection that ends is told to `@OnPushDisconnect()` alone. Shutdown waits for the promise of the method,
 * within `shutdownTimeout`; what it throws goes to `onError`.
 */
export const OnPushUnsubscribe = (): MethodDecorator =>
  SetMetadata(hookMetadata, 'unsubscribe' satisfies HookName);

/** The application's hooks. */
@Injectable()
export class Hooks implements OnModuleInit {
  private readonly hooks: Record<HookName, Hook[]> = {
    connect: [],
    disconnect: [],
    subscribe: [],
    unsubscribe: [],
  };
  private readonly unfinished = new Set<Promise<void>>();
  /** Connections that are to be seen off, and their connect hooks. */
  private readonly greeted = new Map<string, Promise<void> | undefined>();

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
  ) {}

  /** Looks for hooks among all providers and controllers. */
  onModuleInit(): void {
    const scanner = new MetadataScanner();
    for (const { providers, controllers } of this.modules.values()) {
      for (const { instance, isNotMetatype } of [...providers.values(), ...controllers.values()]) {
        if (isNotMetatype || typeof instance !== 'object' || !instance) continue;
        const methods = instance as Record<string, Hook>;
        for (const name of scanner.getAllMethodNames(Object.getPrototypeOf(instance) as object)) {
          const hook = Reflect.getMetadata(hookMetadata, methods[name]!) as HookName | undefined;
          if (hook) this.hooks[hook].push((context) => methods[name]!(context));
        }
      }
    }
  }

  /** Runs the connect hooks; `undefined` if there are none, so that nobody has to wait. */
  connect(context: ConnectionContext): Promise<void> | undefined {
    const greeting = this.hooks.connect.length > 0 ? inTurn(this.hooks.connect, context) : undefined;
    this.greeted.set(context.connection, greeting);
    return greeting;
  }

  /** Runs the subscribe hooks; `undefined` if there are none. */
  subscribe(context: SubscribeContext): Promise<void> | undefined {
    return this.hooks.subscribe.length > 0 ? inTurn(this.hooks.subscribe, context) : undefined;
  }

  /** Runs the unsubscribe hooks. Only `settled` waits for them. */
  unsubscribe(context: SubscribeContext): void {
    for (const hook of this.hooks.unsubscribe) this.track(this.seeOff(hook, context, 'unsubscribe'));
  }

  /** Runs the disconnect hooks, if the connect hooks were run. Nobody waits but `settled`. */
  disconnect(context: DisconnectContext): void {
    if (!this.greeted.has(context.connection)) return;
    // Why it failed is its caller's to say.
    const greeting = this.greeted.get(context.connection)?.catch(() => undefined);
    this.greeted.delete(context.connection);
    for (const hook of this.hooks.disconnect) {
      this.track(this.seeOff(hook, context, 'disconnect', greeting));
    }
  }

  private track(run: Promise<void>): void {
    const tracked = run.finally(() => this.unfinished.delete(tracked));
    this.unfinished.add(tracked);
  }

  private async seeOff(
    hook: Hook,
    context: ConnectionContext,
    stage: HookName,
    greeting?: Promise<void>,
  ): Promise<void> {
    try {
      await greeting;
      await hook(context);
    } catch (error) {
      this.report(error, stage, context.connection);
    }
  }

  /** Tells the application of an error of a hook. @param connection its id */
  report(error: unknown, stage: HookName, connection: string): void {
    this.errors.report(error, { stage, connection });
  }

  /** Resolves once all disconnect and unsubscribe hooks so far have finished. */
  async settled(): Promise<void> {
    await Promise.all(this.unfinished);
  }
}

async function inTurn(hooks: readonly Hook[], context: ConnectionContext): Promise<void> {
  for (const hook of hooks) await hook(context);
}
