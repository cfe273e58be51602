import type { Duplex } from 'node:stream';

/**
 * The end of a socket whose upgrade is being decided about. Node has taken its hands off it: without a listener an error would
 * end the process, and nothing would say that the client is gone.
 */
export class PendingUpgrade {
  private leave: (() => void) | undefined;

  constructor(private readonly socket: Duplex) {
    socket.on('error', destroy);
  }

  /** Calls `leave` when the socket is closed; at once if it is already. */
  whenGone(leave: () => void): void {
    if (this.socket.destroyed) return leave();
    this.leave = leave;
    this.socket.once('close', leave);
  }

  /** Somebody else looks after the socket now. */
  release(): void {
    this.socket.off('error', destroy);
    if (this.leave) this.socket.off('close', this.leave);
  }
}

/** One for all sockets. */
function destroy(this: Duplex): void {
  this.destroy();
}
