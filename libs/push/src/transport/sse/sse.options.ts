import type { PrincipalOf } from '../../access/route-principals.js';

/** How SSE connections are kept. */
export interface SseOptions {
  /**
   * The form of heartbeats. `comment` is invisible to `EventSource`; `event` is an event `push.heartbeat` that a client can
   * listen to, to notice a dead connection. Both move the last event id. Default: `comment`.
   */
  readonly heartbeat?: 'comment' | 'event';
  /**
   * Whose stream it is, on the application's own `@Sse()` routes, which its guards have let in. The stream then ends at the
   * principal's `expiresAt`, by `PushAccess`, and counts against its limits. The request is that of the HTTP framework.
   *
   * Default: what a guard has left as `request.user`, by its `id` or `sub`, until its `exp` (seconds since 1970) or `expiresAt`;
   * where there is none, whom the authenticator finds, by headers and cookies. `() => undefined` makes them nobody's.
   */
  readonly principal?: PrincipalOf;
}
