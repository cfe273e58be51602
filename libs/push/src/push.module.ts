import {
  ConfigurableModuleBuilder,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { EventBus } from './bus/event-bus.js';
import { Backplane } from './contracts/backplane.js';
import { Hub } from './hub/hub.js';
import type { PushModuleExtras, PushOptions } from './push.options.js';
import { coreProviders, sseProviders, websocketProviders } from './push.providers.js';
import { pushControllerAt } from './transport/sse/push.controller.js';

const optionsToken = Symbol('PushOptions');

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<PushOptions>({
  optionsInjectionToken: optionsToken,
})
  .setClassMethodName('forRoot')
  .setExtras<PushModuleExtras>({ path: '/push', transports: ['websocket', 'sse'], isGlobal: true }, assemble)
  .build();

/** Puts the module together for what it is asked to carry. */
function assemble(definition: DynamicModule, extras: PushModuleExtras): DynamicModule {
  const { path = '/push', transports = [], isGlobal } = extras;
  const normalPath = `/${path.replace(/^\/+|\/+$/g, '')}`;
  return {
    ...definition,
    global: isGlobal,
    controllers: transports.includes('sse') ? [pushControllerAt(normalPath)] : [],
    providers: [
      ...(definition.providers ?? []),
      ...coreProviders(optionsToken),
      ...sseProviders(optionsToken),
      ...(transports.includes('websocket') ? websocketProviders(optionsToken, normalPath) : []),
    ],
    exports: [EventBus, Backplane],
  };
}

/**
 * Push for a Nest application: `imports: [PushModule.forRoot()]`, and inject `EventBus`. Nothing has to be done in
 * main.ts. `forRootAsync()` takes a factory for the options; `path`, `transports` and `isGlobal` go beside it.
 */
@Module({})
export class PushModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  constructor(
    private readonly hub: Hub,
    private readonly backplane: Backplane,
  ) {
    super();
  }

  static override forRoot(options: PushOptions & PushModuleExtras = {}): DynamicModule {
    return super.forRoot(options);
  }

  async onApplicationShutdown(): Promise<void> {
    this.hub.close();
    await this.backplane.close();
  }
}
