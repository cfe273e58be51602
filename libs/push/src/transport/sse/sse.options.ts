import type { PrincipalOf } from '../../access/route-principals.js';

/** Options of SSE connections. */
export interface SseOptions {
  /**
   * The form of heartbeats. `comment` is invisible to `EventSource`. `event` is an event `push.heartbeat`; a client that
   * listens to it notices a dead connection. Both move the last event id. Default: `comment`.
   */
  readonly heartbeat?: 'comment' | 'event';
  /**
   * Returns the principal of a stream on the application's own `@Sse()` routes, after their guards have run. The stream ends at
   * the principal's `expiresAt` or by `PushAccess`, and counts against the principal's limits. The request is that of the HTTP
   * framework.
   *
   * Default: `request.user`, which a guard has set, by its `id` or `sub`, until its `exp` (seconds since 1970) or `expiresAt`;
   * without one, the principal that the authenticator finds by headers and cookies. With `() => undefined` these streams have no
   * principal.
   */
  readonly principal?: PrincipalOf;
}
