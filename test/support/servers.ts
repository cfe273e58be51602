import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';

/** Servers that tests start, hurt and end: real processes, on free ports of the loopback interface. */

/** In milliseconds, for a machine that is busy. */
const patience = 40_000;

/** A server process with a directory of its own. It keeps its port and its data over restarts. */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private output = '';

  private constructor(
    readonly port: number,
    /** Where it stores what it keeps. */
    readonly directory: string,
    private readonly command: (port: number, directory: string) => [string, ...string[]],
    private readonly isReady: (port: number) => Promise<boolean>,
  ) {}

  static async start(
    command: (port: number, directory: string) => [string, ...string[]],
    isReady: (port: number) => Promise<boolean>,
    port?: number,
  ): Promise<ServerProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'push-test-'));
    for (let attempt = 1; ; attempt++) {
      const server = new ServerProcess(port ?? (await freePort()), directory, command, isReady);
      try {
        await server.start();
        return server;
      } catch (error) {
        // Somebody may have taken the port that was free a moment ago.
        await server.kill();
        if (port !== undefined || attempt === 3) throw error;
      }
    }
  }

  /** Starts the process again after `kill`. */
  async start(): Promise<void> {
    const [program, ...args] = this.command(this.port, this.directory);
    this.output = '';
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const note = (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-4_000));
    this.child.stdout!.on('data', note);
    this.child.stderr!.on('data', note);
    let failure: Error | undefined;
    this.child.once('error', (error) => (failure = error));
    for (const deadline = Date.now() + patience; ;) {
      if (failure || this.child.exitCode !== null || Date.now() > deadline)
        throw new Error(`${program} does not start: ${failure?.message ?? this.output}`);
      if (await this.isReady(this.port)) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** SIGKILL: the process has no chance to save anything. Its children end too; those of Postgres do it by themselves. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const children = childrenOf(child.pid!);
    child.kill('SIGKILL');
    await once(child, 'exit');
    while (children.some(isRunning)) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Deletes what it stored. Only while it does not run. */
  async wipe(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
    await mkdir(this.directory, { recursive: true });
  }

  /** SIGSTOP: connections stay open, and nothing answers. */
  pause(): void {
    this.signal('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.signal('SIGCONT');
  }

  /** The processes that it consists of. */
  get pids(): number[] {
    const pid = this.child?.pid;
    return pid === undefined ? [] : [pid, ...childrenOf(pid)].filter(isRunning);
  }

  private signal(name: NodeJS.Signals): void {
    for (const pid of this.pids) process.kill(pid, name);
  }

  /** Ends it for good. */
  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The child processes of a process. */
function childrenOf(pid: number): number[] {
  return (readOr(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
}

function isRunning(pid: number): boolean {
  // "Z" is over, and only waits for its parent to notice.
  return /^\d+ \(.*\) [^ZX]/.test(readOr(`/proc/${pid}/stat`) ?? '');
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** What a server answers to `question` on a fresh connection; empty if it does not. */
function ask(port: number, question: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('connect', () => socket.write(question));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      if (answer.includes('\r\n')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(answer));
  });
}

/** @param persistence `aof` writes each command to a file, `none` keeps nothing over a restart */
export function startRedis(
  persistence: 'aof' | 'none' = 'none',
  more: string[] = [],
  port?: number,
): Promise<ServerProcess> {
  return ServerProcess.start(
    (port, directory) => [
      'redis-server',
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', ''],
      ...['--repl-diskless-sync-delay', '0'],
      // With "everysec", what is acknowledged is not yet written while the disk is busy.
      ...['--appendonly', persistence === 'aof' ? 'yes' : 'no', '--appendfsync', 'always'],
      ...more,
    ],
    // It may ask for a password first.
    async (port) => /^(\+PONG|-NOAUTH)/.test(await ask(port, 'PING\r\n')),
    port,
  );
}

/** A Redis Sentinel that watches the primary at `primary` under the name `name`, and soon takes it for dead. */
export function startSentinel(name: string, primary: number): Promise<ServerProcess> {
  return ServerProcess.start(
    (port, directory) => {
      const file = join(directory, 'sentinel.conf');
      const rules = [`monitor ${name} 127.0.0.1 ${primary} 1`, `down-after-milliseconds ${name} 500`];
      const lines = rules.map((rule) => `sentinel ${rule}`);
      writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', `dir ${directory}`, ...lines, ''].join('\n'));
      return ['redis-server', file, '--sentinel'];
    },
    async (port) => (await ask(port, `SENTINEL REPLICAS ${name}\r\n`)).startsWith('*1'),
  );
}

/** A Redis Cluster of three nodes, each with a third of the slots. Nodes that do not find each other are replaced. */
export async function startRedisCluster(): Promise<RedisCluster> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const cluster = await tryRedisCluster();
    if (cluster) return cluster;
  }
  throw new Error('The cluster does not come up.');
}

interface RedisCluster {
  readonly nodes: ServerProcess[];
  dispose(): Promise<void>;
}

async function tryRedisCluster(): Promise<RedisCluster | undefined> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
  // By itself a node takes a port that is 10,000 higher for the others, which may not be there.
  const buses = await freePorts(3);
  const nodes = await Promise.all(
    buses.map((bus) => startRedis('none', [...settings, '--cluster-port', `${bus}`])),
  );
  const starts = [0, 5_461, 10_923, 16_384];
  for (const [index, { port }] of nodes.entries()) {
    await ask(port, `CLUSTER SET-CONFIG-EPOCH ${index + 1}\r\n`);
    await ask(port, `CLUSTER ADDSLOTSRANGE ${starts[index]} ${starts[index + 1]! - 1}\r\n`);
    await ask(nodes[0]!.port, `CLUSTER MEET 127.0.0.1 ${port} ${buses[index]}\r\n`);
  }
  const isUp = async ({ port }: ServerProcess) => {
    const info = await ask(port, 'CLUSTER INFO\r\n');
    return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
  };
  const dispose = async () => void (await Promise.all(nodes.map((node) => node.dispose())));
  for (const deadline = Date.now() + patience; Date.now() < deadline;) {
    const up = await Promise.all(nodes.map(isUp));
    if (up.every(Boolean)) return { nodes, dispose };
  }
  await dispose();
  return undefined;
}

/** A NATS server with JetStream. */
export function startNats(more: string[] = [], port?: number): Promise<ServerProcess> {
  return ServerProcess.start(
    (port, directory) => [
      'nats-server',
      ...['--port', `${port}`, '--addr', '127.0.0.1', '--jetstream', '--store_dir', directory],
      ...more,
    ],
    async (port) => (await ask(port, '')).startsWith('INFO'),
    port,
  );
}

/** Three NATS servers, `n0` to `n2`, that keep streams together, and which of them leads all of JetStream. */
export async function startNatsCluster(): Promise<{ servers: ServerProcess[]; metaLeader: number }> {
  const [ports, monitors] = await Promise.all([freePorts(3), freePorts(3)]);
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
  const settings = (index: number) => [
    ...['--name', `n${index}`, '--cluster_name', 'push', '--cluster', routes[index]!],
    ...['--routes', routes.join(','), '--http_port', `${monitors[index]}`],
  ];
  const servers = await Promise.all(routes.map((_, index) => startNats(settings(index))));
  for (const deadline = Date.now() + patience; Date.now() < deadline;) {
    const answer = await fetch(`http://127.0.0.1:${monitors[0]}/jsz`);
    const { meta_cluster: meta } = (await answer.json()) as { meta_cluster?: { leader?: string } };
    if (meta?.leader) return { servers, metaLeader: Number(meta.leader.slice(1)) };
  }
  throw new Error('The cluster does not come up.');
}

function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, freePort));
}
