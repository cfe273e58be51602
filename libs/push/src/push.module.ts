import {
  ConfigurableModuleBuilder,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer, type AbstractHttpAdapter } from '@nestjs/core';
import type { EventEmitter } from 'node:events';
import { PushAccess } from './access/push-access.js';
import { PushTickets } from './access/push-tickets.js';
import { EventBus } from './bus/event-bus.js';
import { Backplane } from './contracts/backplane.js';
import { Hub } from './hub/hub.js';
import { accessProviders, enhancerProviders } from './push.access.providers.js';
import type { PushModuleExtras, PushOptions } from './push.options.js';
import { checkExtras, settingsOf } from './settings.js';
import { BasePath } from './platform/base-path.js';
import { DeadPeers } from './clients/dead-peers.js';
import { Hooks } from './clients/hooks.js';
import { HttpSockets } from './platform/http-sockets.js';
import { Http2Sessions } from './platform/http2-sessions.js';
import { PushClients } from './clients/push-clients.js';
import { PushLifecycle } from './clients/lifecycle.js';
import { noticeMissingShutdownHooks } from './clients/shutdown-notice.js';
import {
  coreProviders,
  lifecycleProviders,
  resourceProviders,
  sseProviders,
  websocketProviders,
} from './push.providers.js';
import { PushInterceptor } from './resources/push.interceptor.js';
import { ResourcePusher } from './resources/resource-pusher.js';
import { pushControllerAt } from './transport/sse/push.controller.js';
import { shareExpressShapes } from './platform/express-shapes.js';
import { claimBodies } from './transport/sse/request-body.js';
import { SseRoutes } from './transport/sse/sse-routes.js';

const optionsToken = Symbol('PushOptions');
const settingsToken = Symbol('PushSettings');

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
  const { path = '/push', transports = [], decorators = [], isGlobal } = extras;
  const doors = { gateway: transports.includes('websocket'), endpoints: transports.includes('sse') };
  const normalPath = `/${path.replace(/^\/+|\/+$/g, '')}`;
  return {
    ...definition,
    global: isGlobal,
    controllers: doors.endpoints ? [pushControllerAt(normalPath, decorators)] : [],
    providers: [
      ...(definition.providers ?? []),
      { provide: settingsToken, inject: [optionsToken], useFactory: settingsOf },
      {
        provide: BasePath,
        inject: [ApplicationConfig, ModulesContainer],
        useFactory: (config: ApplicationConfig, modules: ModulesContainer) =>
          new BasePath(normalPath, doors, PushModule, config, modules),
      },
      ...coreProviders(settingsToken),
      ...accessProviders(settingsToken),
      ...lifecycleProviders(settingsToken),
      ...sseProviders(settingsToken),
      ...resourceProviders(settingsToken),
      ...enhancerProviders({ ...doors, areDecorated: decorators.length > 0 }),
      ...(doors.gateway ? websocketProviders(settingsToken, normalPath) : []),
    ],
    exports: [
      EventBus,
      Backplane,
      PushAccess,
      PushClients,
      PushLifecycle,
      PushTickets,
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
  private readonly logger = new Logger('PushModule');

  constructor(
    private readonly hub: Hub,
    private readonly backplane: Backplane,
    private readonly hooks: Hooks,
    private readonly sockets: HttpSockets,
    private readonly sessions: Http2Sessions,
    private readonly lifecycle: PushLifecycle,
    private readonly deadPeers: DeadPeers,
    private readonly adapterHost: HttpAdapterHost,
    private readonly routes: SseRoutes,
    private readonly basePath: BasePath,
  ) {
    super();
  }

  static override forRoot(options: PushOptions & PushModuleExtras = {}): DynamicModule {
    return super.forRoot(options);
  }

  /** Nest calls it when all controllers exist, and before it builds their routes; middleware is none of ours. */
  configure(): void {
    this.basePath.settle();
    this.routes.install();
  }

  onModuleInit(): void {
    this.hooks.discover();
    // An application context without HTTP has no adapter.
    const adapter = this.adapterHost.httpAdapter as AbstractHttpAdapter | undefined;
    const server = adapter?.getHttpServer() as EventEmitter | undefined;
    if (!server) return;
    this.logger.log(this.basePath.description);
    if (this.routes.description) this.logger.log(this.routes.description);
    this.sockets.watch(server);
    this.sessions.watch(server);
    if (adapter?.getType() === 'express') shareExpressShapes(server);
    claimBodies(server, (url) => this.basePath.serves(url));
    this.deadPeers.start();
    noticeMissingShutdownHooks(server);
  }

  /** Sends everyone away while the server still listens: Nest would wait for open streams for ever. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const hurry = () => this.lifecycle.abort();
    if (signal) process.on(signal, hurry);
    await this.lifecycle.drain();
    if (signal) process.off(signal, hurry);
  }

  async onApplicationShutdown(): Promise<void> {
    this.deadPeers.stop();
    this.hub.close();
    await this.backplane.close();
  }
}
