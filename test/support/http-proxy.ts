import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterTest } from './cleanup.js';

/** A proxy that knows HTTP, and lets WebSockets pass, refuses them, or never answers them. */
export class HttpProxy {
  upgrades: 'pass' | 'refuse' | 'swallow' = 'pass';
  /** Paths whose next request is taken, and neither passed on nor answered. */
  readonly swallowed = new Set<string>();
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly target: number) {
    this.server = createServer((incoming, response) => this.forward(incoming, response));
    this.server.on('upgrade', (incoming: IncomingMessage, socket: Socket) => this.upgrade(incoming, socket));
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.sockets.delete(socket));
    });
  }

  /** It is ended after the test. */
  static async start(target: number): Promise<HttpProxy> {
    const proxy = new HttpProxy(target);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    afterTest(() => proxy.end());
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private end(): Promise<unknown> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    return closed;
  }

  private forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { url, method, headers } = incoming;
    if (this.swallowed.delete(url!.split('?')[0]!)) return;
    const options = { host: '127.0.0.1', port: this.target, path: url, method, headers, agent: false };
    const outgoing = request(options, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.on('error', () => response.destroy()).pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  private upgrade(incoming: IncomingMessage, socket: Socket): void {
    if (this.upgrades === 'swallow') return;
    if (this.upgrades === 'refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const server = connect(this.target, '127.0.0.1', () => {
      const { rawHeaders, url } = incoming;
      const lines = [`GET ${url} HTTP/1.1`];
      for (let at = 0; at < rawHeaders.length; at += 2)
        lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
      server.write(`${lines.join('\r\n')}\r\n\r\n`);
      server.pipe(socket).pipe(server);
    });
    server.on('error', () => undefined).once('close', () => socket.destroy());
    socket.once('close', () => server.destroy());
  }
}
