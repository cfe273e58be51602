import type { Socket } from 'node:net';

/** The callbacks of each connection. */
const endings = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `then` when the TCP connection is closed. All requests of a connection share one listener. Returns a function that
 * removes the callback.
 */
export function whenConnectionCloses(socket: Socket, then: () => void): () => void {
  let waiting = endings.get(socket);
  if (!waiting) {
    endings.set(socket, (waiting = new Set()));
    socket.once('close', () => endings.get(socket)?.forEach((each) => each()));
  }
  waiting.add(then);
  return () => {
    waiting.delete(then);
  };
}
