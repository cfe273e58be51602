import type { InjectionToken, Provider } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { withoutParameters } from './access/access-rules.js';
import { Gatekeeper } from './access/gatekeeper.js';
import { limitsOf } from './access/limits.js';
import { declareDoor } from './access/push-door.js';
import { MemoryBackplane } from './backplane/memory/memory.backplane.js';
import { ControlMessages } from './bus/control-messages.js';
import { ErrorReporter } from './bus/error-reporter.js';
import { EventBus } from './bus/event-bus.js';
import { NodeTail } from './bus/node-tail.js';
import { Backplane } from './contracts/backplane.js';
import { Hub } from './hub/hub.js';
import { NodeLog } from './hub/replay/node-log.js';
import type { PushSettings } from './settings.js';
import { Clients } from './clients/clients.js';
import { PushClients } from './clients/push-clients.js';
import { DeadPeers } from './clients/dead-peers.js';
import { Hooks } from './clients/hooks.js';
import { HttpSockets } from './platform/http-sockets.js';
import { Http2Sessions } from './platform/http2-sessions.js';
import { StreamGate } from './clients/stream-gate.js';
import { PushLifecycle } from './clients/lifecycle.js';
import { LogGate } from './clients/log-gate.js';
import { Door } from './clients/door.js';
import { TurnQueue } from './clients/turn-queue.js';
import { MessageLimits } from './clients/conversation.js';
import { applicationConfigOf } from './platform/nest-internals.js';
import { ExtendedConnect } from './platform/extended-connect.js';
import { PushInterceptor } from './resources/push.interceptor.js';
import { ResourcePusher } from './resources/resource-pusher.js';
import { ResourceSettings } from './resources/resource.options.js';
import { BasePath } from './platform/base-path.js';
import { HttpDoor } from './transport/sse/http-door.js';
import { currentPlace } from './transport/sse/place.js';
import { SseRoutes } from './transport/sse/sse-routes.js';
import { SseClients } from './transport/sse/sse-clients.js';
import { SseServer } from './transport/sse/sse-server.js';
import { sseDialects } from './wire/sse.dialect.js';
import { TimerWheel } from './clients/timer-wheel.js';
import { pushGateway } from './transport/websocket/push-ws.adapter.js';
import { PushWsFilter } from './transport/websocket/push-ws.filter.js';
import { PushWsInstaller } from './transport/websocket/push-ws.installer.js';
import { PushGateway } from './transport/websocket/push.gateway.js';
import { WebSocketSettings } from './transport/websocket/websocket.options.js';

/** Topics without retained events that are remembered one by one. */
const emptyTopics = 100_000;

/** What carries events, with or without transports. */
export function coreProviders(settingsToken: InjectionToken): Provider[] {
  return [
    {
      provide: ApplicationConfig,
      inject: [ModuleRef],
      useFactory: applicationConfigOf,
    },
    {
      provide: NodeLog,
      inject: [settingsToken, ErrorReporter],
      useFactory: ({ topics, retention }: PushSettings, errors: ErrorReporter) =>
        new NodeLog({
          rules: withoutParameters(topics),
          retention,
          windowBytes: retention.bytes,
          bytesPerPublisher: retention.bytesPerPublisher,
          emptyTopics,
          onHistoryError: (error) => errors.report(error, { stage: 'history' }),
        }),
    },
    {
      provide: Hub,
      inject: [NodeLog],
      useFactory: (log: NodeLog) => new Hub(log),
    },
    {
      provide: ControlMessages,
      inject: [ErrorReporter],
      useFactory: (errors: ErrorReporter) => new ControlMessages(errors),
    },
    {
      provide: Backplane,
      inject: [settingsToken, Hub, ControlMessages],
      useFactory: (options: PushSettings, hub: Hub, control: ControlMessages) => {
        const backplane = options.backplane ?? new MemoryBackplane();
        new NodeTail(hub, control).start(backplane);
        return backplane;
      },
    },
    {
      provide: ErrorReporter,
      inject: [settingsToken],
      useFactory: ({ onError }: PushSettings) => new ErrorReporter(onError),
    },
    {
      provide: EventBus,
      inject: [Hub, Backplane, ErrorReporter, settingsToken],
      useFactory: (hub: Hub, backplane: Backplane, errors: ErrorReporter, { maxEventBytes }: PushSettings) =>
        new EventBus(hub, backplane, errors, { maxEventBytes, currentClient: currentPlace }),
    },
  ];
}

const http2Sessions: Provider = {
  provide: Http2Sessions,
  inject: [TurnQueue],
  useFactory: (turns: TurnQueue) => new Http2Sessions(new StreamGate(turns)),
};

const deadPeers: Provider = {
  provide: DeadPeers,
  inject: [Clients, Http2Sessions, TimerWheel, ErrorReporter],
  useFactory: (clients: Clients, sessions: Http2Sessions, wheel: TimerWheel, errors: ErrorReporter) =>
    new DeadPeers(clients, sessions, wheel.interval, errors),
};

/** Where clients come in and go out. */
export function lifecycleProviders(settingsToken: InjectionToken): Provider[] {
  return [
    HttpSockets,
    TurnQueue,
    http2Sessions,
    {
      provide: TimerWheel,
      inject: [settingsToken],
      useFactory: ({ heartbeat }: PushSettings) => new TimerWheel(heartbeat),
    },
    {
      provide: Hooks,
      inject: [ModulesContainer, ErrorReporter],
      useFactory: (modules: ModulesContainer, errors: ErrorReporter) => new Hooks(modules, errors),
    },
    {
      provide: Clients,
      inject: [Hub, TimerWheel, Hooks],
      useFactory: (hub: Hub, wheel: TimerWheel, hooks: Hooks) => new Clients(hub, wheel, hooks),
    },
    { provide: PushClients, inject: [Clients], useFactory: (clients: Clients) => new PushClients(clients) },
    deadPeers,
    {
      provide: LogGate,
      inject: [Hub, settingsToken],
      useFactory: (hub: Hub, { limits }: PushSettings) => new LogGate(hub, limitsOf(limits)),
    },
    {
      provide: PushLifecycle,
      inject: [Clients, HttpSockets, Http2Sessions, LogGate, settingsToken],
      useFactory: (
        clients: Clients,
        sockets: HttpSockets,
        sessions: Http2Sessions,
        log: LogGate,
        { shutdownDelay, shutdownTimeout, retry }: PushSettings,
      ) =>
        new PushLifecycle(clients, sockets, sessions, log, {
          shutdownDelay,
          shutdownTimeout,
          retry,
        }),
    },
    {
      provide: Door,
      inject: [PushLifecycle, TurnQueue, LogGate, Gatekeeper, Clients],
      useFactory: (
        lifecycle: PushLifecycle,
        turns: TurnQueue,
        log: LogGate,
        gatekeeper: Gatekeeper,
        clients: Clients,
      ) => new Door(lifecycle, turns, log, gatekeeper, clients),
    },
  ];
}

/** What clients are told that speak in messages. */
function messageLimits({ heartbeat, websocket }: PushSettings): MessageLimits {
  return new MessageLimits(heartbeat, websocket.maxMessageBytes, websocket.maxTopics);
}

/** What makes `@Sse()` routes, and the built-in endpoint, push. */
export function sseProviders(settingsToken: InjectionToken): Provider[] {
  return [
    { provide: MessageLimits, inject: [settingsToken], useFactory: messageLimits },
    {
      provide: HttpDoor,
      inject: [BasePath, Gatekeeper, Door, MessageLimits],
      useFactory: (path: BasePath, gatekeeper: Gatekeeper, door: Door, limits: MessageLimits) =>
        new HttpDoor(path, gatekeeper, door, limits),
    },
    {
      provide: SseClients,
      inject: [Door, MessageLimits, ErrorReporter, settingsToken],
      useFactory: (door: Door, limits: MessageLimits, errors: ErrorReporter, { sse }: PushSettings) =>
        new SseClients(door, sseDialects(sse.heartbeat), limits, errors),
    },
    {
      provide: SseServer,
      inject: [EventBus, Door, Gatekeeper, SseClients],
      useFactory: (bus: EventBus, door: Door, gatekeeper: Gatekeeper, clients: SseClients) =>
        new SseServer(bus, door, gatekeeper, clients),
    },
    {
      provide: SseRoutes,
      inject: [ModulesContainer, ApplicationConfig, SseServer],
      useFactory: (modules: ModulesContainer, config: ApplicationConfig, server: SseServer) =>
        new SseRoutes(modules, config, server),
    },
  ];
}

/** What gets pages their resources early. */
export function resourceProviders(settingsToken: InjectionToken): Provider[] {
  return [
    {
      provide: ResourceSettings,
      inject: [settingsToken],
      useFactory: ({ http2 }: PushSettings) => new ResourceSettings(http2),
    },
    ResourcePusher,
    PushInterceptor,
  ];
}

/** The gateway at `path`. */
export function websocketProviders(settingsToken: InjectionToken, path: string): Provider[] {
  class ConfiguredPushGateway extends PushGateway {}
  WebSocketGateway({ path, [pushGateway]: true } as object)(ConfiguredPushGateway);
  declareDoor(ConfiguredPushGateway);
  return [
    {
      provide: WebSocketSettings,
      inject: [settingsToken],
      useFactory: (options: PushSettings) => {
        const { heartbeat, maxMessageBytes, maxTopics } = messageLimits(options);
        const { firstMessage, deflate } = options.websocket;
        return new WebSocketSettings(heartbeat, maxMessageBytes, maxTopics, firstMessage, deflate);
      },
    },
    {
      provide: PushWsInstaller,
      inject: [ApplicationConfig, ModuleRef],
      useFactory: (config: ApplicationConfig, module: ModuleRef) => new PushWsInstaller(config, module),
    },
    {
      provide: ExtendedConnect,
      inject: [HttpAdapterHost, settingsToken],
      useFactory: (host: HttpAdapterHost, { websocket }: PushSettings) =>
        new ExtendedConnect(host, websocket.extendedConnect),
    },
    PushWsFilter,
    ConfiguredPushGateway,
  ];
}
