import { Logger, type InjectionToken, type Provider } from '@nestjs/common';
import { ApplicationConfig, ModuleRef, ModulesContainer } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { TopicAccess } from './access/topic-access.js';
import { MemoryBackplane } from './backplane/memory/memory.backplane.js';
import { EventBus } from './bus/event-bus.js';
import { Backplane } from './contracts/backplane.js';
import { Hub } from './hub/hub.js';
import type { PushOptions } from './push.options.js';
import { SseRoutes } from './transport/sse/sse-routes.js';
import { SseServer } from './transport/sse/sse-server.js';
import { TimerWheel } from './transport/timer-wheel.js';
import { pushGateway } from './transport/websocket/push-ws.adapter.js';
import { PushWsFilter } from './transport/websocket/push-ws.filter.js';
import { PushWsInstaller } from './transport/websocket/push-ws.installer.js';
import { PushGateway } from './transport/websocket/push.gateway.js';
import { WebSocketConnections } from './transport/websocket/websocket-connections.js';
import { WebSocketSettings } from './transport/websocket/websocket.options.js';

const logger = new Logger('PushModule');

const defaults = {
  retention: { events: 1_000, age: 3_600_000 },
  windowBytes: 64 * 1024 * 1024,
  emptyTopics: 100_000,
  maxEventBytes: 256 * 1024,
  heartbeat: 15_000,
  retry: 2_000,
  maxMessageBytes: 64 * 1024,
  maxTopics: 256,
};

/** Nest keeps its configuration where no provider can ask for it, except through the container behind a `ModuleRef`. */
interface WithContainer {
  readonly container: { readonly applicationConfig: ApplicationConfig };
}

/** What carries events, with or without transports. */
export function coreProviders(optionsToken: InjectionToken): Provider[] {
  return [
    {
      provide: ApplicationConfig,
      inject: [ModuleRef],
      useFactory: (module: ModuleRef) => (module as unknown as WithContainer).container.applicationConfig,
    },
    {
      provide: Hub,
      inject: [optionsToken],
      useFactory: ({ topics, retention }: PushOptions) =>
        new Hub({
          rules: topics ?? [],
          retention: { ...defaults.retention, ...retention },
          windowBytes: retention?.bytes ?? defaults.windowBytes,
          emptyTopics: defaults.emptyTopics,
        }),
    },
    {
      provide: Backplane,
      inject: [optionsToken, Hub],
      useFactory: (options: PushOptions, hub: Hub) => {
        const backplane = options.backplane ?? new MemoryBackplane();
        backplane.start(hub);
        return backplane;
      },
    },
    {
      provide: EventBus,
      inject: [Hub, Backplane, optionsToken],
      useFactory: (hub: Hub, backplane: Backplane, options: PushOptions) =>
        new EventBus(hub, backplane, {
          maxEventBytes: options.maxEventBytes ?? defaults.maxEventBytes,
          onError: options.onError ?? ((error, { stage }) => logger.error(`A ${stage} failed.`, error)),
        }),
    },
    {
      provide: TopicAccess,
      inject: [optionsToken],
      useFactory: ({ topics }: PushOptions) => new TopicAccess(topics ?? []),
    },
    {
      provide: TimerWheel,
      inject: [optionsToken],
      useFactory: ({ heartbeat }: PushOptions) => new TimerWheel(heartbeat ?? defaults.heartbeat),
    },
  ];
}

/** What makes `@Sse()` routes, and the built-in endpoint, push. */
export function sseProviders(optionsToken: InjectionToken): Provider[] {
  return [
    {
      provide: SseServer,
      inject: [EventBus, TimerWheel, optionsToken],
      useFactory: (bus: EventBus, wheel: TimerWheel, { sse }: PushOptions) =>
        new SseServer(bus, wheel, { retry: sse?.retry ?? defaults.retry }),
    },
    {
      provide: SseRoutes,
      inject: [ModulesContainer, ApplicationConfig, SseServer],
      useFactory: (modules: ModulesContainer, config: ApplicationConfig, server: SseServer) =>
        new SseRoutes(modules, config, server),
    },
  ];
}

/** The gateway at `path`. */
export function websocketProviders(optionsToken: InjectionToken, path: string): Provider[] {
  class ConfiguredPushGateway extends PushGateway {}
  WebSocketGateway({ path, [pushGateway]: true } as object)(ConfiguredPushGateway);
  return [
    {
      provide: WebSocketSettings,
      inject: [optionsToken],
      useFactory: ({ heartbeat, websocket }: PushOptions) =>
        new WebSocketSettings(
          path,
          heartbeat ?? defaults.heartbeat,
          websocket?.maxMessageBytes ?? defaults.maxMessageBytes,
          websocket?.maxTopics ?? defaults.maxTopics,
        ),
    },
    {
      provide: WebSocketConnections,
      inject: [Hub, TimerWheel],
      useFactory: (hub: Hub, wheel: TimerWheel) => new WebSocketConnections(hub, wheel),
    },
    {
      provide: PushWsInstaller,
      inject: [ApplicationConfig, ModuleRef],
      useFactory: (config: ApplicationConfig, module: ModuleRef) => new PushWsInstaller(config, module),
    },
    PushWsFilter,
    ConfiguredPushGateway,
  ];
}
