import type { Socket } from 'node:net';

/** By connection: what is to be done when it is closed. */
const endings = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `then` when the TCP connection is closed. For requests that share it: each would be a listener of its own. Returns
 * what takes that back.
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
