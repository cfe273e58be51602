import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** The sockets of the application's server, by the ports of those that have connected. */
export class ServerSockets {
  private readonly sockets = new Map<number, Socket>();

  constructor(server: Server) {
    // With TLS there are two for each connection; the second one is what the server reads.
    for (const event of ['connection', 'secureConnection'])
      server.on(event, (socket: Socket) => this.note(socket));
  }

  /** Resolves when the server has noticed that the connection from a port is gone. */
  async closed(port: number): Promise<void> {
    const socket = this.sockets.get(port);
    if (socket && !socket.closed) await once(socket, 'close');
    // Whoever listens to it has had its turn.
    await turn();
  }

  private note(socket: Socket): void {
    const port = socket.remotePort;
    if (port === undefined) return;
    this.sockets.set(port, socket);
    socket.once('close', () => {
      if (this.sockets.get(port) === socket) this.sockets.delete(port);
    });
  }
}
