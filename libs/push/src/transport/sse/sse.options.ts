import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../../contracts/principal.js';

/** How SSE connections are kept. */
export interface SseOptions {
  /**
   * The form of heartbeats. `comment` is invisible to `EventSource`; `event` is an event `push.heartbeat` that a client can
   * listen to, to notice a dead connection. Both move the last event id. Default: `comment`.
   */
  readonly heartbeat?: 'comment' | 'event';
  /**
   * Whose stream it is, on the application's own `@Sse()` routes, where guards have decided: `(request) => request.user`,
   * say. The stream then ends at the principal's `expiresAt`, by `PushAccess`, and counts against its limits. The request is
   * that of the HTTP framework. Default: nobody's.
   */
  readonly principal?: (request: SseRouteRequest) => Principal | undefined;
}

/** The request of an `@Sse()` route, as Express or Fastify have it. */
export interface SseRouteRequest {
  readonly headers: IncomingHttpHeaders;
  /** What most guards leave there. */
  readonly user?: unknown;
}
