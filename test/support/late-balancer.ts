import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterTest } from './cleanup.js';
import { Watched } from './watched.js';

/** A balancer of HTTP requests that learns late which of its servers are there; where none answers, it says 502 itself. */
export class LateBalancer extends Watched {
  /** Answers that told a client to come back. */
  refusals = 0;
  /** Answers of its own. */
  failures = 0;
  private targets: readonly number[] = [];
  private turn = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor() {
    super();
    this.server = createServer((incoming, response) => this.forward(incoming, response));
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.sockets.delete(socket));
    });
  }

  /** It is ended after the test. */
  static async start(...targets: number[]): Promise<LateBalancer> {
    const balancer = new LateBalancer();
    balancer.pointTo(...targets);
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    afterTest(() => balancer.end());
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** It notices: new requests lead to these, in turn. */
  pointTo(...targets: number[]): void {
    this.targets = targets;
  }

  private async end(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { url, method, headers } = incoming;
    const port = this.targets[this.turn++ % this.targets.length]!;
    const outgoing = request({ host: '127.0.0.1', port, path: url, method, headers, agent: false });
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.on('data', (bytes: Buffer) => this.look(bytes));
      answer.on('error', () => response.destroy()).pipe(response);
    });
    outgoing.on('error', () => this.fail(response));
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  private look(bytes: Buffer): void {
    if (!bytes.includes('event: push.error')) return;
    this.refusals++;
    this.changed();
  }

  private fail(response: ServerResponse): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    this.failures++;
    response.writeHead(502, { 'content-type': 'text/html' }).end('Bad Gateway');
    this.changed();
  }
}
