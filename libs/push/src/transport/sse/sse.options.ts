/** How SSE connections are kept. */
export interface SseOptions {
  /**
   * The form of heartbeats. `comment` is invisible to `EventSource`; `event` is an event `push.heartbeat` that a client can
   * listen to, to notice a dead connection. Both move the last event id. Default: `comment`.
   */
  readonly heartbeat?: 'comment' | 'event';
}
