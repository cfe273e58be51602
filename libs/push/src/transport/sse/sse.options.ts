/** How SSE connections are kept. */
export interface SseOptions {
  /** What clients are told to wait before they reconnect, in milliseconds. Default: 2,000. */
  readonly retry?: number;
}
