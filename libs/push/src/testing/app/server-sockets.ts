import type { Server, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { PushClients } from '../../clients/push-clients.js';
import { PushTestingError } from './changes.js';

/** The sockets of the application's server, by the ports of those that have connected. */
export class ServerSockets {
  private readonly sockets = new Map<number, Socket>();

  /** @param patience how long the server may take to let go of a client, in milliseconds */
  constructor(
    server: Server,
    private readonly clients: PushClients,
    private readonly patience: number,
  ) {
    // With TLS there are two for each connection; the second one is what the server reads.
    for (const event of ['connection', 'secureConnection'])
      server.on(event, (socket: Socket) => this.note(socket));
  }

  /**
   * Resolves when the server has noticed that the connection from a port is gone.
   *
   * @param connection its id, if it is known
   * @throws PushTestingError (the promise rejects) if the server does not let go of it in time
   */
  async closed(port: number, connection: string | undefined): Promise<void> {
    const late = new PushTestingError('The server goes on handling what the client has said before.');
    const end = performance.now() + this.patience;
    const socket = this.sockets.get(port);
    // Not events.once(): a socket that is reset has an error before.
    if (socket && !socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    // Whoever listens to it has its turn.
    await turn();
    // The client counts as connected as long as something that it has said is being handled.
    while (this.clients.list().some((client) => client.connection === connection)) {
      if (performance.now() > end) throw late;
      await turn();
    }
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
