/* The public API. No file of the library imports it. */

// The module
export { PushModule } from './push.module.js';
export type { PushModuleExtras, PushOptions, RetentionOptions, TopicOptions } from './push.options.js';
export type { ResourceOptions, ResourceSwitches } from './resources/resource.options.js';
export type { PrincipalOf, SseRouteRequest } from './access/route-principals.js';
export type { SseOptions } from './transport/sse/sse.options.js';
export type { WebSocketOptions } from './transport/websocket/websocket.options.js';

// Publishing and reading
export { EventBus, EventBus as PushEventBus } from './bus/event-bus.js';
export type { Publication, Publications } from './bus/event-bus.js';
export type { EndOptions, PublishOptions, RemoveOptions } from './bus/publish.options.js';
export type {
  DeclaredPattern,
  DeclaredTopic,
  FacetOf,
  ParamsOf,
  PayloadOf,
  PresenceOf,
  PublishedBy,
  PushTopics,
  ResultOf,
  SnapshotOf,
  TopicFacets,
  TopicTypes,
  ValidOf,
} from './bus/declared-topics.js';
export type { PushEvent } from './bus/handled-events.js';
export type { PresenceChange, PresenceMember, PresenceUser, TopicPresence } from './bus/presence.js';
export type { HistoryOptions, TopicPage } from './bus/topic-page.js';
export { EventStream, isEnded, isGap, isSnapshot } from './bus/event-stream.js';
export type {
  StreamData,
  StreamEnd,
  StreamEvent,
  StreamGap,
  StreamMessage,
  StreamOptions,
  StreamSnapshot,
} from './bus/event-stream.js';
export { PushSse } from './transport/sse/push-sse.decorator.js';
export { PushWsAdapter, type PushWsAdapterOptions } from './transport/websocket/push-ws.adapter.js';

// Authentication, and the rights to topics
export { anonymous, Authenticator, type AuthenticationResult } from './access/authenticator.js';
export type { Handshake } from './access/handshake.js';
export type { Principal } from './contracts/principal.js';
export { PushTopic } from './access/topic-policy.js';
export type {
  AcceptContext,
  PublishContext,
  PushTopicOptions,
  TopicContext,
  TopicParams,
  TopicPolicy,
} from './access/topic-policy.js';
export type {
  DocumentedSchema,
  PayloadSchema,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from './contracts/payload-schema.js';
export type { TopicSchemas, TopicSchemaSet, TopicsOf } from './contracts/topic-schemas.js';
export type { TopicDocumentation } from './contracts/topic-documentation.js';
export { PushTickets, type RedeemedTicket, type TicketOptions } from './access/push-tickets.js';
export { PushAccess } from './access/push-access.js';
export { ExceptPush, HttpOnly } from './access/http-only.js';
export type { AccessOptions } from './access/access.options.js';
export type { Access, AccessRule } from './access/access-rules.js';
export type { LimitOptions, Rate } from './access/limits.js';
export type { OriginRule } from './access/origins.js';

// The state of topics
export { PushSnapshot, snapshotAt } from './state/push-snapshot.decorator.js';
export type { DatedSnapshot, PushSnapshotOptions, SnapshotContext } from './state/push-snapshot.decorator.js';
export type { SnapshotOptions } from './state/snapshot.options.js';

// Runs
export { Runs } from './runs/runs.js';
export type {
  EndedRun,
  Run,
  RunContext,
  RunFactory,
  RunningRun,
  RunOptions,
  RunReason,
  RunResult,
  RunStatus,
} from './runs/run.js';
export type { ReadableChunks, RunSource } from './runs/chunk-source.js';
export type { SubscribableChunks } from './runs/subscribed-chunks.js';

// Handlers
export { OnPush } from './handlers/on-push.decorator.js';
export type { OnPushEvent, OnPushOptions } from './handlers/on-push.decorator.js';
export { PushDeadLetters, type DeadLetter } from './handlers/push-dead-letters.js';

// Connections, hooks and shutdown
export { PushLifecycle } from './clients/lifecycle.js';
export { PushClients, type ConnectedClient } from './clients/push-clients.js';
export { OnPushConnect, OnPushDisconnect, OnPushSubscribe, OnPushUnsubscribe } from './clients/hooks.js';
export type { ConnectionContext, DisconnectContext, SubscribeContext } from './clients/hooks.js';
export type { ErrorContext, ErrorListener, ErrorStage } from './bus/error-reporter.js';
// Server push of resources
export { PushResources } from './resources/push-resources.decorator.js';
export { PushInterceptor } from './resources/push.interceptor.js';
export { ResourcePusher } from './resources/resource-pusher.js';
export { fromViteManifest, type ViteManifestOptions } from './resources/vite-manifest.js';
export type { ResourceDestination } from './resources/media-types.js';
export type { ResourceSkip, ResourceStats } from './resources/resource-stats.js';
export type { Resource, ResourceDeclaration, ResourceRequest, ResourceSource } from './resources/resource.js';

// Errors, gaps, statistics and rules
export { PushError, type PushErrorCode } from './contracts/errors.js';
export type { PushErrorExtensions, PushErrorOptions } from './contracts/errors.js';
export { CloseCode } from './contracts/close-codes.js';
export type { DisconnectReason, GapNotice, GapReason, TransportName } from './contracts/connection.js';
export type { HubStats } from './hub/hub.js';
export type { BacklogStats } from './hub/fan-out/backlog.js';
export type { PresenceOptions } from './contracts/presence.js';
export type { SlowPolicy, TopicRule } from './hub/topic-rules.js';
export type { HistoryStats } from './hub/replay/history-reader.js';
export type { Start } from './protocol/topics.js';
export type {
  EndRetention,
  Retention,
  RetentionRules,
  StateRetention,
  StateRules,
  TopicRetention,
} from './contracts/retention.js';
export type { ErrorReport, Greeting, ServerMessage } from './wire/websocket.messages.js';

// For backplanes
export { Backplane } from './contracts/backplane.js';
export type {
  BackplaneStats,
  Health,
  History,
  HistoryPage,
  HistoryQuery,
  OneTimeStore,
  Tail,
} from './contracts/backplane.js';
export type { EventMeta } from './contracts/event-meta.js';
export { LogEvent, type Draft, type EventContent } from './contracts/event.js';
export { parsePosition, printPosition, type Position } from './contracts/position.js';
export { covers, isPattern, isTopic } from './contracts/topic.js';
export { encodeToken, topic, type TokenValue } from './contracts/topic-tag.js';
export { MemoryOneTimeStore } from './backplane/memory/memory-one-time-store.js';
export { MemoryBackplane, type MemoryBackplaneOptions } from './backplane/memory/memory.backplane.js';
