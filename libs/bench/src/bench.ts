import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { within } from './deadline.js';
import type { Opening, Progress } from './generator/generator.js';
import type { Peer } from './peers.js';
import { Remote } from './remote.js';
import type { ServerOptions } from './server/contract.js';
import type { Usage } from './server/host.js';

/** A server and a load generator, each in its own process and on its own core. */
export class Bench {
  readonly server: Remote;
  readonly clients: Remote;
  private readonly children: readonly ChildProcess[];
  /** Where the server listens. */
  port = 0;

  private constructor(
    private readonly peer: Peer,
    private readonly topics: number,
  ) {
    const server = spawn('./server/host.js', 0, [...(peer.execArgv ?? []), ...profiling]);
    const generator = spawn('./generator/generator.js', 1);
    this.children = [server, generator];
    this.server = new Remote(server, () => undefined);
    this.clients = new Remote(generator, (through) => this.server.tell('received', through));
  }

  /** Runs `use` with a fresh server of `peer`, and ends its processes. */
  static async run<Result>(
    peer: Peer,
    options: Omit<ServerOptions, 'platform' | 'carrier'>,
    use: (bench: Bench) => Promise<Result>,
  ): Promise<Result> {
    const bench = new Bench(peer, options.topics);
    try {
      const { file, platform, carrier } = peer;
      bench.port = await bench.server.call<number>('start', { ...options, file, platform, carrier });
      return await use(bench);
    } finally {
      await Promise.all(bench.children.map(end));
    }
  }

  /** Connects `count` clients. */
  open(count: number, options: Partial<Opening> = {}): Promise<void> {
    const { protocol, carrier, streams } = this.peer;
    const { port, topics } = this;
    const opening = { port, protocol, carrier, streams, count, topics, topicsEach: 1, next: 0, ...options };
    const what = `${count} clients of ${this.peer.name} were not all connected.`;
    return within(60_000, this.clients.call('open', opening), () => what);
  }

  progress(): Promise<Progress> {
    return this.clients.call('progress');
  }

  usage(): Promise<Usage> {
    return this.server.call('usage');
  }

  /** Fails unless every client has, or soon gets, every event below `next`. Returns when. */
  async complete(next: number): Promise<number> {
    const lost = async () => `Lost: event ${(await this.progress()).through} did not come.`;
    return within(30_000, this.clients.call<number>('until', next), lost);
  }
}

/** With `BENCH_PROFILE=<directory>`, each server leaves a CPU profile of its whole life there. */
const directory = process.env.BENCH_PROFILE;
const profiling = directory ? ['--cpu-prof', '--cpu-prof-interval=400', `--cpu-prof-dir=${directory}`] : [];

function spawn(file: string, core: number, options: readonly string[] = []): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    execArgv: ['--expose-gc', ...options],
  });
  if (availableParallelism() > 1) pin(child, core);
  return child;
}

/** Children end when they are disconnected; one that does not is killed. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const ended = once(child, 'exit');
  if (child.connected) child.disconnect();
  await ended;
  clearTimeout(timer);
}

function pin(child: ChildProcess, core: number): void {
  try {
    execFileSync('taskset', ['-apc', String(core), String(child.pid)], { stdio: 'ignore' });
  } catch {
    // Without taskset the scheduler decides, as it does for everyone in the run.
  }
}
