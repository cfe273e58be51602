import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between clients and a server, and cuts what they say where it is told to. */
export class ForeignNetwork {
  private readonly sockets = new Set<Socket>();
  private isRefusing = false;
  private target = 0;
  /** Bytes that servers may still say, and what is called once they have. */
  private cut: { left: number; done: () => void } | undefined;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => this.accept(socket));
  }

  static async start(): Promise<ForeignNetwork> {
    const network = new ForeignNetwork(createServer());
    network.server.listen(0, '127.0.0.1');
    await once(network.server, 'listening');
    return network;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** New connections lead there; those that are open stay. */
  pointTo(port: number): void {
    this.target = port;
  }

  /** Breaks all connections with a TCP reset. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Breaks all connections, and new ones. */
  refuse(): void {
    this.isRefusing = true;
    this.reset();
  }

  heal(): void {
    this.isRefusing = false;
  }

  /** Ends each connection after `bytes` more of the server. Resolves when that has happened to one. */
  cutAfter(bytes: number): Promise<void> {
    return new Promise((done) => (this.cut = { left: bytes, done }));
  }

  async dispose(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.reset();
    await closed;
  }

  private accept(client: Socket): void {
    if (this.isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.target, '127.0.0.1');
    for (const socket of [client, server]) {
      this.sockets.add(socket.setNoDelay(true));
      socket.on('error', () => undefined);
      socket.once('close', () => this.sockets.delete(socket));
    }
    client.pipe(server);
    server.on('data', (bytes: Buffer) => this.answer(client, server, bytes));
    client.once('close', () => server.destroySoon());
    // What the server has said before it ended still reaches the client.
    server.once('close', () => client.destroySoon());
  }

  private answer(client: Socket, server: Socket, bytes: Buffer): void {
    const { cut } = this;
    if (!cut || bytes.length < cut.left) {
      if (cut) cut.left -= bytes.length;
      client.write(bytes);
      return;
    }
    this.cut = undefined;
    client.end(bytes.subarray(0, cut.left));
    server.destroy();
    cut.done();
  }
}
