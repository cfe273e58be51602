import { Inject, Injectable, SetMetadata, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { decoratedMethods } from '../bus/decorated-methods.js';
import { ofApplication } from '../bus/debug-log.js';
import { ErrorReporter } from '../bus/error-reporter.js';
import type { DisconnectReason, TransportName } from '../contracts/connection.js';
import type { Principal } from '../contracts/principal.js';

/** Describes a connection to hooks. */
export interface ConnectionContext {
  /** The connection's id. */
  readonly connection: string;
  readonly transport: TransportName;
  /** Its principal; `undefined` for an anonymous client, and on application routes that set none. */
  readonly principal: Principal | undefined;
}

/** The argument of `@OnPushDisconnect()` methods. */
export interface DisconnectContext extends ConnectionContext {
  readonly reason: DisconnectReason;
}

/** The argument of `@OnPushSubscribe()` and `@OnPushUnsubscribe()` methods. */
export interface SubscribeContext extends ConnectionContext {
  readonly topics: readonly string[];
}

type HookName = 'connect' | 'disconnect' | 'subscribe' | 'unsubscribe';
type Hook = (context: ConnectionContext) => unknown;

const hookMetadata = 'nestjs-push:hook';

/**
 * Calls the method for each new connection, before anything is sent on it, and awaits its promise. The method may belong to
 * any provider. If it throws, the connection is refused; an `HttpException` or a `PushError` sets the answer. A request for
 * a page of the past counts as a connection that asks for one topic and ends.
 *
 * Every such call is followed by one of the `@OnPushDisconnect()` methods, whatever happens in between.
 */
export const OnPushConnect = (): MethodDecorator => SetMetadata(hookMetadata, 'connect' satisfies HookName);

/**
 * Calls the method once for each connection that the `@OnPushConnect()` methods were called for, after it has ended and they
 * have finished. The reason is `error` if they refused it. Shutdown waits for the promise, for at most `shutdownTimeout`.
 */
export const OnPushDisconnect = (): MethodDecorator =>
  SetMetadata(hookMetadata, 'disconnect' satisfies HookName);

/**
 * Calls the method before a connection gets the events of topics that it asks for, and awaits its promise. If the method
 * throws, the subscription is refused.
 */
export const OnPushSubscribe = (): MethodDecorator =>
  SetMetadata(hookMetadata, 'subscribe' satisfies HookName);

/**
 * Calls the method when a connection loses some of its topics and stays: the client has unsubscribed, or its right to them
 * was revoked. The end of a connection calls `@OnPushDisconnect()` methods only. Shutdown waits for the promise, for at most
 * `shutdownTimeout`. Errors go to `onError`.
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
  /** Connections that still need their disconnect hooks, with the run of their connect hooks. */
  private readonly connecting = new Map<string, Promise<void> | undefined>();

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
  ) {}

  /** Looks for hooks among all providers and controllers. */
  onModuleInit(): void {
    for (const { metadata, call } of decoratedMethods<HookName, ConnectionContext>(
      this.modules,
      hookMetadata,
    ))
      this.hooks[metadata].push(call);
  }

  /** Runs the connect hooks. Returns `undefined` if there are none, so that the caller need not wait. */
  connect(context: ConnectionContext): Promise<void> | undefined {
    const connected = this.hooks.connect.length > 0 ? runInOrder(this.hooks.connect, context) : undefined;
    this.connecting.set(context.connection, connected);
    return connected;
  }

  /** Runs the subscribe hooks. Returns `undefined` if there are none. */
  subscribe(context: SubscribeContext): Promise<void> | undefined {
    return this.hooks.subscribe.length > 0 ? runInOrder(this.hooks.subscribe, context) : undefined;
  }

  /** Runs the unsubscribe hooks. Only `settled` waits for them. */
  unsubscribe(context: SubscribeContext): void {
    for (const hook of this.hooks.unsubscribe) this.track(this.runAndReport(hook, context, 'unsubscribe'));
  }

  /** Runs the disconnect hooks, if the connect hooks were run. Only `settled` waits for them. */
  disconnect(context: DisconnectContext): void {
    if (!this.connecting.has(context.connection)) return;
    // The caller of `connect` reports its failure.
    const connected = this.connecting.get(context.connection)?.catch(() => undefined);
    this.connecting.delete(context.connection);
    for (const hook of this.hooks.disconnect) {
      this.track(this.runAndReport(hook, context, 'disconnect', connected));
    }
  }

  private track(run: Promise<void>): void {
    const tracked = run.finally(() => this.unfinished.delete(tracked));
    this.unfinished.add(tracked);
  }

  private async runAndReport(
    hook: Hook,
    context: ConnectionContext,
    stage: HookName,
    after?: Promise<void>,
  ): Promise<void> {
    try {
      await after;
      await hook(context);
    } catch (error) {
      this.report(error, stage, context.connection);
    }
  }

  /** Reports the error of a hook to the application. @param connection its id */
  report(error: unknown, stage: HookName, connection: string): void {
    this.errors.report(error, { stage, connection });
  }

  /** Resolves once all disconnect and unsubscribe hooks so far have finished. */
  async settled(): Promise<void> {
    await Promise.all(this.unfinished);
  }
}

async function runInOrder(hooks: readonly Hook[], context: ConnectionContext): Promise<void> {
  for (const hook of hooks) await ofApplication(() => hook(context));
}
