import type { AccessOptions } from './access/access.options.js';
import type { AccessRule } from './access/access-rules.js';
import type { CompressionRule } from './access/compressible-topics.js';
import type { ErrorListener } from './bus/error-reporter.js';
import type { Backplane } from './contracts/backplane.js';
import type { Retention } from './contracts/retention.js';
import type { TopicDocumentation } from './contracts/topic-documentation.js';
import type { TopicSchemas } from './contracts/topic-schemas.js';
import type { TopicRule } from './hub/topic-rules.js';
import type { ResourceOptions } from './resources/resource.options.js';
import type { SnapshotOptions } from './state/snapshot.options.js';
import type { SseOptions } from './transport/sse/sse.options.js';
import type { WebSocketOptions } from './transport/websocket/websocket.options.js';

/**
 * What holds for the topics that match `pattern`. Of several that match a topic, the first holds. Of a wildcard that a client
 * asks for, every rule that shares a topic with it has to grant it, up to the first that covers it all.
 */
export interface TopicOptions extends TopicRule, AccessRule, CompressionRule {
  /** What documents say about these topics: see `nestjs-push/asyncapi`. Nothing is checked by it. Default: nothing. */
  readonly documentation?: TopicDocumentation;
}

/** How much of the past is kept. */
export interface RetentionOptions extends Partial<Retention> {
  /** Newest events kept of each topic. Default: 1,000. */
  readonly events?: number;
  /** How long each is kept, in milliseconds; `Infinity` for ever. Default: 3,600,000 (one hour). */
  readonly age?: number;
  /**
   * Bound on the memory of all retained events of a node together, in bytes, encodings included. When it is reached, the
   * topic that holds most loses its oldest. Default: 67,108,864 (64 MiB).
   */
  readonly bytes?: number;
  /**
   * Bound on what of that one publisher's events may take, in bytes: beyond it, its own oldest go. A publisher is the
   * principal whose client has published, or whom `publish` names (`publisher`); what the application publishes on its own
   * account is bounded by `bytes` alone. Default: a sixteenth of `bytes`.
   */
  readonly bytesPerPublisher?: number;
  /**
   * Bound on the memory of all state topics of the `MemoryBackplane` together, in bytes. State is never evicted: when it is
   * reached, publishing more of it rejects with `LIMIT_EXCEEDED`; removals and smaller states pass. With Redis and NATS the
   * server's own bound holds. Default: 67,108,864 (64 MiB).
   */
  readonly stateBytes?: number;
}

/** What `PushModule.forRoot()` takes besides {@link PushModuleExtras}. Everything has a default. */
export interface PushOptions extends AccessOptions {
  /** Where the log lives. Default: in this process (`MemoryBackplane`). */
  readonly backplane?: Backplane;
  /** Who may ask for which topics, how long they are kept, what happens to slow readers. Default: nobody may ask for any. */
  readonly topics?: readonly TopicOptions[];
  /**
   * What the data of topics is: classes with class-validator decorators, or Standard Schemas (zod, valibot, arktype and others). They
   * validate what clients publish where the policy has no `payload` of its own, and what clients say of themselves (`presence`); what
   * the server publishes is not validated. `TopicsOf` makes the types of `PushTopics` of them, and AsyncAPI documents have them.
   * Default: none.
   */
  readonly schemas?: TopicSchemas;
  /** For topics that `topics` says nothing of. */
  readonly retention?: RetentionOptions;
  /** Largest payload of an event, as JSON in UTF-8 bytes. Default: 262,144 (256 KiB). */
  readonly maxEventBytes?: number;
  /**
   * How long an event may wait on this node until it is written to the clients that are connected and read, in milliseconds. From half
   * of it on, `publish` resolves only when there is room again, or the event is delivered. When all of it is used up, `publish` rejects
   * with `UNAVAILABLE`, and stores nothing: see docs/deploying.md, "Overload". `Infinity` lifts the bound. Default: 5,000.
   */
  readonly maxDeliveryDelay?: number;
  /**
   * Milliseconds between heartbeats: a ping on WebSocket, a block that moves the last event id on SSE. Who has got an event in the
   * last fifth of that gets no block. Keep it well below the idle limit of every proxy on the way (60 s is common, 30 s exists).
   * Default: 15,000.
   */
  readonly heartbeat?: number;
  /**
   * Around how many milliseconds clients are told to wait before they reconnect. Each is told another number, from half of
   * it to one and a half, so that they do not all come back at once. Default: 2,000.
   */
  readonly retry?: number;
  /**
   * How many milliseconds a shutdown, or `PushLifecycle.drain()`, waits after `PushLifecycle.ready` has turned false, before it
   * sends clients away. Make it as long as your load balancer takes to notice: until then it goes on sending newcomers, who are
   * told to come back, and clients that are sent away would meet this node again. Default: 0.
   */
  readonly shutdownDelay?: number;
  /**
   * Within how many milliseconds, after `shutdownDelay`, a shutdown, or `PushLifecycle.drain()`, has to be done with all
   * clients. Default: 5,000.
   */
  readonly shutdownTimeout?: number;
  /** For the state that `@PushSnapshot()` methods load. */
  readonly snapshots?: SnapshotOptions;
  /** Told of errors that belong to nobody, such as a handler that throws. Default: Nest's logger. */
  readonly onError?: ErrorListener;
  /**
   * Whether events are compressed for clients that can read that: by permessage-deflate on WebSocket (RFC 7692), by gzip on SSE.
   * The clients that read the same topics share one compressor. SECURITY.md says what compression reveals. Default: `true`.
   */
  readonly compression?: boolean;
  /**
   * Whether some process that shares the log has handlers that belong to a group (`@OnPush(…, { group })`). Default: whether this one
   * has any. Set it in processes that have none, such as those that only serve clients: they know then how the topics of groups are
   * kept, and can read dead letters.
   */
  readonly groups?: boolean;
  /** For SSE connections. */
  readonly sse?: SseOptions;
  /** For WebSocket connections. */
  readonly websocket?: WebSocketOptions;
  /** For the resources of pages: HTTP/2 push, 103 Early Hints, `Link`. */
  readonly http2?: ResourceOptions;
}

/** What has to be known before providers exist, also with `forRootAsync()`. */
export interface PushModuleExtras {
  /**
   * Where push lives: the gateway at `path`, the HTTP endpoints below it. The application's global prefix comes before it, for
   * both; a default version does not. Default: `/push`.
   */
  readonly path?: string;
  /** What the built-in doors are: leave one out to close it. `@Sse()` routes work anyway. Default: both. */
  readonly transports?: readonly ('websocket' | 'sse')[];
  /**
   * Decorators for each of push's HTTP endpoints, by which the application's own global guards and tools know them:
   * `[Public(), SkipThrottle(), ApiTags('push')]`. Default: none.
   */
  readonly decorators?: readonly MethodDecorator[];
  /** Whether `EventBus` can be injected everywhere. Default: `true`. */
  readonly isGlobal?: boolean;
}
