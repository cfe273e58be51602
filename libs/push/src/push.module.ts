import {
  ConfigurableModuleBuilder,
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { PushAccess } from './access/push-access.js';
import { PushTickets } from './access/push-tickets.js';
import { ErrorReporter } from './bus/error-reporter.js';
import { EventBus } from './bus/event-bus.js';
import { PublishRules } from './bus/publish-rules.js';
import { Door } from './clients/door.js';
import { PushClients } from './clients/push-clients.js';
import { PushLifecycle } from './clients/lifecycle.js';
import { Readings } from './clients/readings.js';
import { Backplane } from './contracts/backplane.js';
import { pushPlacement, pushSettings, type PushPlacement } from './contracts/settings.js';
import { PushDeadLetters } from './handlers/push-dead-letters.js';
import { runsGlobalsForMessages } from './platform/nest-internals.js';
import { keepTickObject } from './platform/tick-objects.js';
import { Hub } from './hub/hub.js';
import { PushEndpoints } from './push.endpoints.js';
import type { PushModuleExtras, PushOptions } from './push.options.js';
import { pushProviders, websocketProviders } from './push.providers.js';
import { PushInterceptor } from './resources/push.interceptor.js';
import { ResourcePusher } from './resources/resource-pusher.js';
import { Runs } from './runs/runs.js';
import { checkExtras, settingsOf } from './settings.js';
import { pushControllerAt } from './transport/sse/push.controller.js';
import { pushGatewayAt } from './transport/websocket/push.gateway.js';

const optionsToken = Symbol('PushOptions');

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<PushOptions>({
  optionsInjectionToken: optionsToken,
})
  .setClassMethodName('forRoot')
  .setExtras<PushModuleExtras>(
    { path: '/push', transports: ['websocket', 'sse'], decorators: [], isGlobal: true },
    assemble,
  )
  .build();

/** Puts the module together for what it is asked to carry. */
function assemble(definition: DynamicModule, extras: PushModuleExtras): DynamicModule {
  checkExtras(extras);
  keepTickObject();
  const { path: given = '/push', transports = [], decorators = [], isGlobal } = extras;
  const path = `/${given.replace(/^\/+|\/+$/g, '')}`;
  const placement: PushPlacement = {
    runsGlobalsForMessages,
    path,
    gateway: transports.includes('websocket'),
    endpoints: transports.includes('sse'),
    areDecorated: decorators.length > 0,
    module: PushModule,
  };
  return {
    ...definition,
    global: isGlobal,
    controllers: placement.endpoints ? [pushControllerAt(path, decorators)] : [],
    providers: [
      ...(definition.providers ?? []),
      { provide: pushSettings, inject: [optionsToken], useFactory: settingsOf },
      { provide: pushPlacement, useValue: placement },
      ...pushProviders,
      ...(placement.gateway ? [...websocketProviders, pushGatewayAt(path)] : []),
    ],
    exports: [
      EventBus,
      Backplane,
      Door,
      ErrorReporter,
      Hub,
      PublishRules,
      PushAccess,
      PushClients,
      PushDeadLetters,
      PushLifecycle,
      PushTickets,
      Readings,
      Runs,
      ResourcePusher,
      PushInterceptor,
    ],
  };
}

/**
 * Push for a Nest application: `imports: [PushModule.forRoot()]`, and inject `EventBus`. Nothing has to be done in
 * main.ts. `forRootAsync()` takes a factory for the options; `path`, `transports` and `isGlobal` go beside it.
 */
@Module({})
export class PushModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(Backplane) private readonly backplane: Backplane,
    @Inject(PushLifecycle) private readonly lifecycle: PushLifecycle,
    @Inject(PushEndpoints) private readonly endpoints: PushEndpoints,
  ) {
    super();
  }

  static override forRoot(options: PushOptions & PushModuleExtras = {}): DynamicModule {
    return super.forRoot(options);
  }

  /** Nest calls it when all controllers exist, and before it builds their routes. Push has no middleware. */
  configure(): void {
    this.endpoints.configure();
  }

  /** Nest calls it after those of the module's providers. */
  onModuleInit(): void {
    this.endpoints.open();
  }

  /** Sends all clients away while the server still listens: Nest would wait for open streams for ever. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const hurry = () => this.lifecycle.abort();
    if (signal) process.on(signal, hurry);
    await this.lifecycle.drain();
    if (signal) process.off(signal, hurry);
  }

  async onApplicationShutdown(): Promise<void> {
    this.hub.close();
    await this.backplane.close();
  }
}
