/** The part of `WebSocket` that the client uses. Browsers, Node from version 22 on, and the package `ws` implement it. */
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

/** The constructor of a WebSocket. */
export type WebSocketClass = new (url: string) => WebSocketLike;
