import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { LogServer } from '../backplanes/server.js';
import { within } from '../deadline.js';
import { microseconds } from '../event.js';
import { Remote } from '../remote.js';
import type { Part, Tally } from './clients.js';
import type { NodeOptions, NodeUsage } from './node.js';

/** Server processes, and as many processes of clients. */
const servers = 6;

/** Below the 20,000 open files that a process has on many systems. */
const mostConnections = 19_800;

/** Clients that come and go before anything is measured. */
const warmUp = 3_000;

/** The most milliseconds that each stage may take: that in which clients come in, for each of them in addition. */
const patience = 180_000;
const patienceForClient = 5;

/** How long it is waited for the last events, in milliseconds. */
const lastEvents = 20_000;

interface Process {
  readonly child: ChildProcess;
  readonly remote: Remote;
}

/** What it takes to have a crowd connected. */
export interface Gathering {
  /** Until all are in. */
  readonly seconds: number;
  /** CPU seconds of all server processes until then. */
  readonly cpu: number;
  /** Resident bytes of the server processes for each client: before a garbage collection, and after one. */
  readonly resident: number;
  readonly settled: number;
}

/** Many clients over several server processes on one Redis. */
export class Crowd {
  private readonly children = new Set<ChildProcess>();
  private nodes: Process[] = [];
  private parts: Process[] = [];
  private ports: number[] = [];
  /** How many clients are to be in. */
  private count = 0;
  private published: Promise<number> | undefined;

  private constructor(
    private readonly way: NodeOptions['way'],
    private readonly redis: LogServer,
  ) {}

  /** Runs `use` with server processes that have no clients yet, and ends all processes. */
  static async run<T>(way: NodeOptions['way'], use: (crowd: Crowd) => Promise<T>): Promise<T> {
    const crowd = new Crowd(way, await LogServer.start('redis'));
    try {
      crowd.nodes = Array.from({ length: servers }, () => crowd.fork('./node.js'));
      crowd.parts = Array.from({ length: servers }, () => crowd.fork('./clients.js'));
      const ports = Promise.all(crowd.nodes.map((node) => crowd.serve(node, 0)));
      crowd.ports = await crowd.stage('the server processes start', ports);
      return await use(crowd);
    } finally {
      await Promise.all([...crowd.children].map(end));
      await crowd.redis.end();
    }
  }

  /** Lets the clients in. Code that runs for the first time, and pools, belong to servers without clients. */
  async gather(count: number, rooms: number): Promise<Gathering> {
    await this.open(warmUp, rooms);
    await this.each(this.parts, 'close');
    await delay(500);
    await this.each<NodeUsage>(this.nodes, 'settled');
    const before = total(await this.each<NodeUsage>(this.nodes, 'usage'));
    const began = microseconds();
    const end = await this.open(count, rooms);
    const after = total(await this.each<NodeUsage>(this.nodes, 'usage'));
    const settled = total(await this.each<NodeUsage>(this.nodes, 'settled'));
    return {
      seconds: (end - began) / 1e6,
      cpu: (after.cpu - before.cpu) / 1e6,
      resident: (after.rss - before.rss) / count,
      settled: (settled.rss - before.rss) / count,
    };
  }

  /** Resolves when all are in. Returns when. */
  private async open(count: number, rooms: number): Promise<number> {
    this.count = count;
    const ends = this.parts.map(({ remote }, part) => {
      const share = Math.floor((count + part) / servers);
      return remote.call<number>('open', { ports: this.ports, count: share, part, rooms } satisfies Part);
    });
    return Math.max(...(await this.allIn(`${count} clients come in`, Promise.all(ends))));
  }

  /** The first server process publishes until `stop`. */
  publish(rooms: number, perSecond: number): void {
    this.published = this.nodes[0]!.remote.call<number>('publish', { rooms, perSecond });
    // It rejects if another stage fails, and the processes are ended.
    this.published.catch(() => undefined);
  }

  /** Resolves with how many events each room got. */
  async stop(): Promise<number> {
    await this.stage('the publisher is told to stop', this.nodes[0]!.remote.call('stop'));
    return this.stage('each room gets as many events as the others', this.published!);
  }

  /** CPU seconds of the server processes in the next `milliseconds`, for each of these seconds; and what the clients see. */
  async watch(milliseconds: number): Promise<{ cpu: number; rss: number; p50: number; p99: number }> {
    await this.each(this.parts, 'reset');
    const before = total(await this.each<NodeUsage>(this.nodes, 'usage'));
    await delay(milliseconds);
    const after = total(await this.each<NodeUsage>(this.nodes, 'usage'));
    const tallies = await this.tallies();
    const worst = (of: 'p50' | 'p99') => Math.max(...tallies.map((each) => each[of])) / 1e3;
    return {
      cpu: (after.cpu - before.cpu) / milliseconds / 1e3,
      rss: after.rss,
      p50: worst('p50'),
      p99: worst('p99'),
    };
  }

  /** Kills the last server process, and starts another in its place. Returns the seconds until all clients are back. */
  async kill(): Promise<number> {
    const { child } = this.nodes.pop()!;
    const began = microseconds();
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    this.children.delete(child);
    const replacement = this.fork('./node.js');
    await this.stage('another server process starts', this.serve(replacement, this.ports.at(-1)!));
    this.nodes.push(replacement);
    const back = Promise.all(this.parts.map(({ remote }) => remote.call<number>('allIn')));
    const ends = await this.allIn('all clients come back', back);
    return (Math.max(...ends) - began) / 1e6;
  }

  tallies(): Promise<Tally[]> {
    return this.each<Tally>(this.parts, 'tally');
  }

  /** How many events are missing at clients, when each room had `count`. */
  async missing(count: number): Promise<number> {
    const missing = this.parts.map(({ remote }) =>
      remote.call<number>('short', { count, milliseconds: lastEvents }),
    );
    const counted = await this.stage('the last events come', Promise.all(missing));
    return counted.reduce((sum, each) => sum + each, 0);
  }

  private serve({ remote }: Process, port: number): Promise<number> {
    const options: NodeOptions = {
      way: this.way,
      redis: this.redis.port,
      port,
      connections: mostConnections,
    };
    return remote.call<number>('start', options);
  }

  private each<T>(processes: readonly Process[], method: string): Promise<T[]> {
    return this.stage(method, Promise.all(processes.map(({ remote }) => remote.call<T>(method))));
  }

  private allIn<T>(what: string, work: Promise<T>): Promise<T> {
    return this.stage(what, work, patience + this.count * patienceForClient);
  }

  /** Fails if a stage takes longer than it may, and says which. */
  private stage<T>(what: string, work: Promise<T>, milliseconds = patience): Promise<T> {
    return within(milliseconds, work, () => `Took more than ${milliseconds / 1e3} s (${this.way}): ${what}.`);
  }

  private fork(file: './node.js' | './clients.js'): Process {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: ['--expose-gc'] });
    this.children.add(child);
    return { child, remote: new Remote(child, () => undefined) };
  }
}

function total(usages: readonly NodeUsage[]): NodeUsage {
  const sum = (of: keyof NodeUsage) => usages.reduce((all, each) => all + each[of], 0);
  return { cpu: sum('cpu'), rss: sum('rss') };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
