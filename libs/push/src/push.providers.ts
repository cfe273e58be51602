import type { Provider } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { withoutParameters } from './access/access-rules.js';
import { ApplicationClasses } from './access/application-classes.js';
import { Authentication } from './access/authentication.js';
import { ClientPublishing } from './access/client-publishing.js';
import { CompressibleTopics } from './access/compressible-topics.js';
import { ConnectionLimiter } from './access/connection-limiter.js';
import { Gatekeeper } from './access/gatekeeper.js';
import { GlobalEnhancers } from './access/global-enhancers.js';
import { Origins } from './access/origins.js';
import { PushAccess } from './access/push-access.js';
import { PushTickets } from './access/push-tickets.js';
import { RoutePrincipals } from './access/route-principals.js';
import { SessionFactory } from './access/session-factory.js';
import { Sessions } from './access/sessions.js';
import { TopicAccess } from './access/topic-access.js';
import { TrustedProxies } from './access/trusted-proxies.js';
import { MemoryBackplane } from './backplane/memory/memory.backplane.js';
import { ControlMessages } from './bus/control-messages.js';
import { ErrorReporter } from './bus/error-reporter.js';
import { currentStreamClient, EventBus } from './bus/event-bus.js';
import { NodeTail } from './bus/node-tail.js';
import { PublishRules } from './bus/publish-rules.js';
import { Clients } from './clients/clients.js';
import { SharedStreams } from './clients/shared-streams.js';
import { DeadPeers } from './clients/dead-peers.js';
import { Door } from './clients/door.js';
import { Hooks } from './clients/hooks.js';
import { PushLifecycle } from './clients/lifecycle.js';
import { LogGate } from './clients/log-gate.js';
import { PushClients } from './clients/push-clients.js';
import { ClientQueues, Readings } from './clients/readings.js';
import { StreamGate } from './clients/stream-gate.js';
import { TimerWheel } from './clients/timer-wheel.js';
import { TurnQueue } from './clients/turn-queue.js';
import { Backplane } from './contracts/backplane.js';
import { Clock } from './contracts/clock.js';
import { PushError } from './contracts/errors.js';
import { pushSettings } from './contracts/settings.js';
import { HandlerEnvironment } from './handlers/handler-environment.js';
import { PushDeadLetters } from './handlers/push-dead-letters.js';
import { PushHandlers } from './handlers/push-handlers.js';
import { Hub } from './hub/hub.js';
import { NodeLog } from './hub/replay/node-log.js';
import { BasePath } from './platform/base-path.js';
import { EventHandlers } from './platform/event-handlers.js';
import { ExtendedConnect } from './platform/extended-connect.js';
import { Handshakes } from './platform/handshakes.js';
import { HttpServer } from './platform/http-server.js';
import { HttpSockets } from './platform/http-sockets.js';
import { Http2Sessions, SessionGuard } from './platform/http2-sessions.js';
import { applicationConfigOf } from './platform/nest-internals.js';
import { PushEndpoints } from './push.endpoints.js';
import { PushInterceptor } from './resources/push.interceptor.js';
import { ResourcePusher } from './resources/resource-pusher.js';
import type { PushSettings } from './settings.js';
import { presenceSource } from './bus/presence.js';
import { Runs } from './runs/runs.js';
import { NodeLease } from './state/node-lease.js';
import { Presence } from './state/presence.js';
import { PresenceMessages } from './state/presence-messages.js';
import { Snapshots } from './state/snapshots.js';
import { StateExpiry } from './state/state-expiry.js';
import { HttpRequests } from './transport/sse/http-requests.js';
import { currentPosition } from './transport/sse/route-position.js';
import { SseClients } from './transport/sse/sse-clients.js';
import { SseCompression } from './transport/sse/sse-compression.js';
import { SseRoutes } from './transport/sse/sse-routes.js';
import { SseServer } from './transport/sse/sse-server.js';
import { PushWsFilter } from './transport/websocket/push-ws.filter.js';
import { PushWsInstaller } from './transport/websocket/push-ws.installer.js';

/** Topics without retained events that are remembered one by one. */
const emptyTopics = 100_000;

function logOf(
  { topics, retention, maxDeliveryDelay }: PushSettings,
  errors: ErrorReporter,
  { usesGroups: hasGroups }: HandlerEnvironment,
  clock: Clock,
): NodeLog {
  const { bytes: windowBytes, bytesPerPublisher, stateBytes } = retention;
  const onHistoryError = (error: unknown) => errors.report(error, { stage: 'history' });
  const rules = withoutParameters(topics);
  return new NodeLog({
    rules,
    retention,
    windowBytes,
    bytesPerPublisher,
    stateBytes,
    hasGroups,
    emptyTopics,
    maxDeliveryDelay,
    onHistoryError,
    now: () => clock.now(),
  });
}

function backplaneOf(settings: PushSettings, hub: Hub, control: ControlMessages, clock: Clock): Backplane {
  const { backplane = new MemoryBackplane() } = settings;
  if (backplane instanceof MemoryBackplane) backplane.clock = clock;
  if (hub.retention.state && !backplane.keepsState) {
    const message = `${backplane.constructor.name} keeps no state: a rule of "topics" has state, presence or finite, or there are groups of handlers.`;
    throw new PushError('INVALID_OPTION', `${message} Use a backplane that does, or leave it out.`);
  }
  if (hub.retention.hasEnds && !backplane.keepsEnds) {
    const message = `${backplane.constructor.name} keeps no ends: a rule of "topics" is finite.`;
    throw new PushError('INVALID_OPTION', `${message} Use a backplane that does, or leave it out.`);
  }
  new NodeTail(hub, control).start(backplane);
  return backplane;
}

/** Everything that push is made of. A factory stands where a class knows no settings, and for what Nest does not provide. */
export const pushProviders: Provider[] = [
  { provide: ApplicationConfig, inject: [ModuleRef], useFactory: applicationConfigOf },
  ErrorReporter,
  HandlerEnvironment,
  Clock,
  { provide: NodeLog, inject: [pushSettings, ErrorReporter, HandlerEnvironment, Clock], useFactory: logOf },
  Hub,
  ControlMessages,
  { provide: Backplane, inject: [pushSettings, Hub, ControlMessages, Clock], useFactory: backplaneOf },
  PublishRules,
  { provide: currentStreamClient, useValue: currentPosition },
  EventBus,
  StateExpiry,
  Snapshots,
  { provide: presenceSource, useExisting: Presence },

  // The application's server. These listen to it, in this order.
  HttpServer,
  Handshakes,
  HttpSockets,
  { provide: SessionGuard, useClass: StreamGate },
  Http2Sessions,
  BasePath,

  // Authentication, rights and limits
  ApplicationClasses,
  TrustedProxies,
  Origins,
  ConnectionLimiter,
  Sessions,
  SessionFactory,
  PushTickets,
  PushAccess,
  Authentication,
  RoutePrincipals,
  TopicAccess,
  CompressibleTopics,
  ClientPublishing,
  Gatekeeper,
  PresenceMessages,
  GlobalEnhancers,

  // The life of clients
  TurnQueue,
  TimerWheel,
  Hooks,
  Clients,
  SharedStreams,
  NodeLease,
  Presence,
  Runs,
  EventHandlers,
  PushHandlers,
  PushDeadLetters,
  PushClients,
  DeadPeers,
  LogGate,
  PushLifecycle,
  Door,
  ClientQueues,
  Readings,

  // What is served over HTTP
  HttpRequests,
  SseCompression,
  SseClients,
  SseServer,
  SseRoutes,
  PushEndpoints,
  ResourcePusher,
  PushInterceptor,
];

/** What serves WebSocket clients, besides the gateway. */
export const websocketProviders: Provider[] = [PushWsInstaller, ExtendedConnect, PushWsFilter];
