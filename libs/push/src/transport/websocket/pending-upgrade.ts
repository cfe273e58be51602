import type { Duplex } from 'node:stream';

/**
 * Watches a socket while its upgrade is being decided. Node no longer listens to the socket: without a listener an error would
 * end the process, and nothing would report that the client is gone.
 */
export class PendingUpgrade {
  private leave: (() => void) | undefined;

  constructor(private readonly socket: Duplex) {
    socket.on('error', destroy);
  }

  /** Calls `leave` when the socket closes; at once if it is closed already. */
  whenGone(leave: () => void): void {
    if (this.socket.destroyed) return leave();
    this.leave = leave;
    this.socket.once('close', leave);
  }

  /** Stops watching the socket: its next owner does. */
  release(): void {
    this.socket.off('error', destroy);
    if (this.leave) this.socket.off('close', this.leave);
  }
}

/** One listener that all sockets share. */
function destroy(this: Duplex): void {
  this.destroy();
}
