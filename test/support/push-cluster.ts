import { once } from 'node:events';
import { Child } from './processes.js';
import { spawn } from 'node:child_process';
import { Ledger } from './ledger.js';
import { RoamingClient } from './roaming-client.js';
import type { ServerProcess } from './servers.js';
import { TcpProxy } from './tcp-proxy.js';

/** What a cluster of nodes runs on. */
export interface ClusterOptions {
  readonly backplane: 'Redis' | 'NATS' | 'Postgres';
  readonly server: ServerProcess;
  readonly nodes: number;
  readonly clientsPerNode: number;
  /** By how many milliseconds the clock of each node is wrong; right where it is not named. */
  readonly clocks?: readonly number[];
  /** Options of the backplane. */
  readonly options?: object;
  readonly random: () => number;
}

/** A process of the application, and the network between it and the server. */
class Node {
  private child: Child | undefined;
  private generation = 0;
  port: number | undefined;

  constructor(
    readonly name: string,
    readonly network: TcpProxy,
    private readonly settings: object,
    private readonly ledger: Ledger,
  ) {}

  async start(): Promise<void> {
    const name = `${this.name}${++this.generation}`;
    const settings = { ...this.settings, name, port: this.network.port };
    const child = new Child(
      spawn(process.execPath, ['test/support/push-node.mjs', JSON.stringify(settings)], {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '' },
      }),
    );
    this.child = child;
    let rest = '';
    child.process.stdout!.on('data', (text: Buffer) => {
      const lines = (rest + text.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line.startsWith('stored ')) this.ledger.note(line.slice(7));
    });
    await child.untilOutput('port ');
    this.port = Number(/port (\d+)/.exec(child.output)![1]);
  }

  tell(command: string, more: object = {}): void {
    this.child?.process.stdin!.write(`${JSON.stringify({ command, ...more })}\n`);
  }

  /** Resolves once nothing that it publishes is on its way. */
  async rest(): Promise<void> {
    const { child } = this;
    if (!child) return;
    const before = child.output.length;
    this.tell('rest');
    await child.until(() => child.output.indexOf('resting\n', before) >= 0);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.process.kill(signal);
  }

  describe(): string {
    return `${this.name} ${this.generation} at ${this.port}: …${this.child?.output.slice(-300)}`;
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = this.port = undefined;
    if (!child || child.exit) return;
    const exit = once(child.process, 'exit');
    child.process.kill('SIGKILL');
    await exit;
  }
}

/** Processes of one application that share a server, and clients that read from them all and move when one is gone. */
export class PushCluster {
  readonly ledger = new Ledger();
  readonly nodes: Node[] = [];
  readonly clients: RoamingClient[] = [];
  private marks = 0;

  private constructor(private readonly options: ClusterOptions) {}

  static async start(options: ClusterOptions): Promise<PushCluster> {
    const cluster = new PushCluster(options);
    const { backplane, server, nodes, clocks = [] } = options;
    for (let index = 0; index < nodes; index++) {
      const settings = { backplane, options: options.options, clock: clocks[index] ?? 0 };
      const network = await TcpProxy.start(server.port);
      cluster.nodes.push(new Node('abcdef'[index]!, network, settings, cluster.ledger));
    }
    await Promise.all(cluster.nodes.map((node) => node.start()));
    for (let index = 0; index < nodes * options.clientsPerNode; index++) cluster.connect(index);
    return cluster;
  }

  get random(): () => number {
    return this.options.random;
  }

  /** One of the nodes. */
  any(): Node {
    return this.nodes[Math.floor(this.random() * this.nodes.length)]!;
  }

  publish(): void {
    for (const node of this.nodes) node.tell('publish');
  }

  /** Stops publishing and waits until every client has everything that was stored, or was told that it has not. */
  async settle(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.rest()));
    const mark = `mark-${++this.marks}`;
    this.nodes[0]!.tell('mark', { mark });
    await Promise.all(
      this.clients.map((client) => client.until(() => client.items.at(-1)?.data?.[0] === mark)),
    );
    await this.ledger.until(() => this.ledger.has(mark, 0));
  }

  /** For people: how far everyone is. */
  describe(): string {
    const clients = this.clients.map((client) => client.describe());
    return [`${this.marks} marks`, ...clients, ...this.nodes.map((node) => node.describe())].join('\n');
  }

  async end(): Promise<void> {
    for (const client of this.clients) client.end();
    await Promise.all(this.nodes.map((node) => node.kill()));
    await Promise.all(this.nodes.map(({ network }) => network.dispose()));
  }

  private connect(index: number): void {
    let turn = index;
    // Each goes its own way through the nodes; a dead one's clients are spread over the others.
    const route = () => this.nodes[turn++ % this.nodes.length]!.port;
    const transport = index % 2 === 0 ? 'websocket' : 'sse';
    this.clients.push(new RoamingClient(transport, index % 4 < 2 ? 't.>' : 't.*.1', route));
  }
}
