import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between a client and a server, and can be the network at its worst. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private readonly pairs = new Set<{ client: Socket; server: Socket }>();
  private appended: Buffer | undefined;
  private mode: 'open' | 'silent' | 'refusing' = 'open';
  private server!: Server;
  port = 0;

  private targets: readonly number[];
  private turn = 0;

  private constructor(target: number) {
    this.targets = [target];
  }

  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.server = createServer({ allowHalfOpen: false }, (socket) => proxy.accept(socket));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.port = (proxy.server.address() as { port: number }).port;
    return proxy;
  }

  /** Cuts all connections with a TCP reset. New ones are accepted. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Swallows whatever comes from now on, on old connections and new ones, and says nothing. */
  blackhole(): void {
    this.mode = 'silent';
    for (const socket of this.sockets) socket.pause();
  }

  /** Lets what clients say pass, on the connections that are open, and holds what they are answered. */
  holdAnswers(): void {
    for (const { client, server } of this.pairs) server.unpipe(client);
  }

  /** Sends these bytes after each piece that a server says. */
  append(bytes: Buffer): void {
    this.appended = bytes;
  }

  /** Cuts all connections and accepts no new ones. */
  refuse(): void {
    this.mode = 'refusing';
    this.reset();
  }

  /** Lets new connections through again. Those from before stay silent, as they do when a route is lost. */
  heal(): void {
    this.mode = 'open';
  }

  /** New connections lead to another server. */
  redirect(target: number): void {
    this.pointTo(target);
    this.reset();
  }

  /** New connections lead to these servers, in turn; those that are open stay. */
  pointTo(...targets: number[]): void {
    this.targets = targets;
  }

  async dispose(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.reset();
    await closed;
  }

  private accept(client: Socket): void {
    if (this.mode === 'refusing') {
      client.resetAndDestroy();
      return;
    }
    this.track(client);
    if (this.mode === 'silent') return;
    const server = connect(this.targets[this.turn++ % this.targets.length]!, '127.0.0.1');
    this.track(server);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.pipe(server);
    server.pipe(client);
    if (this.appended) server.on('data', () => client.write(this.appended!));
    const pair = { client, server };
    this.pairs.add(pair);
    client.once('close', () => {
      this.pairs.delete(pair);
      server.destroySoon();
    });
    // What one side has said before it ended still reaches the other.
    server.once('close', () => client.destroySoon());
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }
}
