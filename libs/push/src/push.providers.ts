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
import { ClientConnections } from './clients/client-connections.js';
import { DeadPeers } from './clients/dead-peers.js';
import { Hooks } from './clients/hooks.js';
import { HttpSockets } from './platform/http-sockets.js';
import { Http2Sessions } from './platform/http2-sessions.js';
import { StreamGate } from './clients/stream-gate.js';
import { PushLifecycle } from './clients/lifecycle.js';
import { LogGate } from './clients/log-gate.js';
import { Reception } from './clients/reception.js';
import { Turnstile } from './clients/turnstile.js';
import { MessageLimits } from './clients/message-client.js';
import { applicationConfigOf } from './platform/nest-internals.js';
import { ExtendedConnect } from './platform/extended-connect.js';
import { PushInterceptor } from './resources/push.interceptor.js';
import { ResourcePusher } from './resources/resource-pusher.js';
import { ResourceSettings } from './resources/resource.options.js';
import { BasePath } from './platform/base-path.js';
import { HttpDoor } from './transport/sse/http-door.js';
import { currentPlace } from './transport/sse/place.js';
import { SseRoutes } from './transport/sse/sse-routes.js';
import { SseServer } from './transport/sse/sse-server.js';
import { TimerWheel } from './clients/timer-wheel.js';
import { pushGateway } from './transport/websocket/push-ws.adapter.js';
import { PushWsFilter } from './transport/websocket/push-ws.filter.js';
import { PushWsInstaller } from './transport/websocket/push-ws.installer.js';
import { PushGateway } from './transport/websocket/push.gateway.js';
import { WebSocketConnections } from './transport/websocket/websocket-connections.js';
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
  inject: [Turnstile],
  useFactory: (turnstile: Turnstile) => new Http2Sessions(new StreamGate(turnstile)),
};

const deadPeers: Provider = {
  provide: DeadPeers,
  inject: [ClientConnections, Http2Sessions, TimerWheel, ErrorReporter],
  useFactory: (
    connections: ClientConnections,
    sessions: Http2Sessions,
    wheel: TimerWheel,
    errors: ErrorReporter,
  ) => new DeadPeers(connections, sessions, wheel.interval, errors),
};

/** Where clients come in and go out. */
export function lifecycleProviders(settingsToken: InjectionToken): Provider[] {
  return [
    HttpSockets,
    Turnstile,
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
      provide: ClientConnections,
      inject: [Hooks],
      useFactory: (hooks: Hooks) => new ClientConnections(hooks),
    },
    deadPeers,
    {
      provide: LogGate,
      inject: [Hub, settingsToken],
      useFactory: (hub: Hub, { limits }: PushSettings) => new LogGate(hub, limitsOf(limits)),
    },
    {
      provide: PushLifecycle,
      inject: [ClientConnections, HttpSockets, Http2Sessions, LogGate, settingsToken],
      useFactory: (
        connections: ClientConnections,
        sockets: HttpSockets,
        sessions: Http2Sessions,
        log: LogGate,
        { shutdownDelay, shutdownTimeout, retry }: PushSettings,
      ) =>
        new PushLifecycle(connections, sockets, sessions, log, {
          shutdownDelay,
          shutdownTimeout,
          retry,
        }),
    },
    {
      provide: Reception,
      inject: [PushLifecycle, Turnstile, LogGate, ClientConnections, Hooks],
      useFactory: (
        lifecycle: PushLifecycle,
        turnstile: Turnstile,
        log: LogGate,
        connections: ClientConnections,
        hooks: Hooks,
      ) => new Reception(lifecycle, turnstile, log, connections, hooks),
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
      inject: [BasePath, Gatekeeper, Reception, MessageLimits],
      useFactory: (path: BasePath, gatekeeper: Gatekeeper, reception: Reception, limits: MessageLimits) =>
        new HttpDoor(path, gatekeeper, reception, limits),
    },
    {
      provide: SseServer,
      inject: [EventBus, Hub, Reception, Gatekeeper, TimerWheel, ErrorReporter, MessageLimits, settingsToken],
      useFactory: (
        bus: EventBus,
        hub: Hub,
        reception: Reception,
        gatekeeper: Gatekeeper,
        wheel: TimerWheel,
        errors: ErrorReporter,
        limits: MessageLimits,
        { sse }: PushSettings,
      ) => {
        const { heartbeat } = sse;
        const desk = { hub, reception, gatekeeper, wheel, errors, heartbeat, limits };
        return new SseServer(bus, desk);
      },
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
      provide: WebSocketConnections,
      inject: [Hub, TimerWheel, Reception],
      useFactory: (hub: Hub, wheel: TimerWheel, reception: Reception) =>
        new WebSocketConnections(hub, wheel, reception),
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
