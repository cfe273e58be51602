import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, type Comparison } from '../backplanes/comparison.js';
import { LogServer, type Kind } from '../backplanes/server.js';
import { Remote } from '../remote.js';
import type { Reading } from './process.js';
import type { LogTarget } from './ways.js';

const turns = 9;
const requests = 40;
const cancels = 40;
const runs = 1_000;
const chunks = 100;
/** 20 chunks a second. */
const every = 50;

/** A server that serves answers one way. */
interface Way {
  readonly server: Remote;
  readonly port: number;
}

/** Processes for one measurement. */
class Processes {
  private readonly children: ChildProcess[] = [];

  fork(): Remote {
    const child = fork(fileURLToPath(new URL('./process.js', import.meta.url)));
    this.children.push(child);
    return new Remote(child, () => undefined);
  }

  async serve(way: string, log?: LogTarget): Promise<Way> {
    const server = this.fork();
    return { server, port: await server.call<number>('serve', { way, log }) };
  }

  async end(): Promise<void> {
    for (const child of this.children) {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
  }
}

/**
 * What it costs to cut a producer loose from its request: how long the first word takes, the CPU time of many answers at once,
 * and how long it takes to stop one from another node. In one process against a bare loop of `response.write()`, and over one Redis
 * against resumable-stream.
 */
export async function compareRuns(): Promise<Comparison[]> {
  const alone = await withProcesses(async (processes) => {
    const ways = [await processes.serve('push'), await processes.serve('write')] as const;
    return compare('memory', 'response.write()', processes.fork(), ways);
  });
  const shared = await withLog('redis', async (processes, log) => {
    const ways = [await processes.serve('push', log), await processes.serve('resumable', log)] as const;
    return compare('redis', 'resumable-stream', processes.fork(), ways);
  });
  return [...alone, ...shared, await cancelling('redis'), await cancelling('nats')];
}

async function withProcesses<T>(measure: (processes: Processes) => Promise<T>): Promise<T> {
  const processes = new Processes();
  try {
    return await measure(processes);
  } finally {
    await processes.end();
  }
}

async function withLog<T>(
  kind: Kind,
  measure: (processes: Processes, log: LogTarget) => Promise<T>,
): Promise<T> {
  const log = await LogServer.start(kind);
  try {
    return await withProcesses((processes) => measure(processes, { kind, port: log.port }));
  } finally {
    await log.end();
  }
}

/** From the call on one node until the stream has ended that a client reads on the other, which writes the answer. */
function cancelling(kind: Kind): Promise<Comparison> {
  return withLog(kind, async (processes, log) => {
    const [writer, other] = [await processes.serve('push', log), await processes.serve('push', log)];
    const reader = processes.fork();
    const times: number[] = [];
    for (let n = 0; n < cancels; n++) {
      await reader.call('begin', { port: writer.port, id: `c${n}` });
      const began = performance.timeOrigin + performance.now();
      const ended = reader.call<number>('ended');
      await other.server.call('cancel', `c${n}`);
      times.push((await ended) - began);
    }
    const what = 'cancelled on one node, until the stream has ended that a client reads on the other';
    return { kind, what, unit: 'ms', ours: median(times), target: '≤ 200' };
  });
}

async function compare(
  kind: Comparison['kind'],
  than: string,
  reader: Remote,
  [ours, raw]: readonly [Way, Way],
): Promise<Comparison[]> {
  const [first, others] = await inTurns(reader, [ours, raw]);
  const common = { kind, target: '' };
  const costs = [await costOf(reader, ours), await costOf(reader, raw)];
  return [
    { ...common, what: `first word; raw: ${than}`, unit: 'ms', ours: median(first!), raw: median(others!) },
    {
      ...common,
      what: `${runs.toLocaleString('en')} runs at once, ${1_000 / every} chunks a second each; raw: ${than}`,
      unit: 'CPU µs a chunk',
      ours: costs[0]!,
      raw: costs[1]!,
    },
  ];
}

/** Many short turns, one way after the other: what disturbs the machine disturbs both. The first ones are for the compilers. */
async function inTurns(reader: Remote, ways: readonly Way[]): Promise<number[][]> {
  const figures: number[][] = ways.map(() => []);
  for (let turn = -4; turn < turns; turn++)
    for (const [index, { port }] of ways.entries()) {
      const reading: Reading = { port, prefix: `first-${turn + 4}-`, count: requests, chunks: 3, every: 5 };
      const times = await reader.call<number[]>('firstWords', reading);
      if (turn >= 0) figures[index]!.push(median(times));
    }
  return figures;
}

async function costOf(reader: Remote, { server, port }: Way): Promise<number> {
  const reading = { port, count: runs, every };
  await reader.call('all', { ...reading, prefix: 'before-', chunks: 20 });
  const before = await server.call<number>('cpu');
  await reader.call('all', { ...reading, prefix: 'all-', chunks });
  return ((await server.call<number>('cpu')) - before) / (runs * chunks);
}
