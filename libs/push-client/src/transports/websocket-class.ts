/** What is used of a `WebSocket`: the browser's, Node's from version 22 on, and that of the package `ws` have it. */
export interface WebSocketLike {
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  send(data: string): void;
  close(): void;
}

/** The constructor of one. */
export type WebSocketClass = new (url: string) => WebSocketLike;
