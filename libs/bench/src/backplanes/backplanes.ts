import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Remote } from '../remote.js';
import { LogServer, type Kind } from './server.js';

/** How the backplane and the server's own client compare, in the same run. */
export interface Comparison {
  readonly kind: Kind;
  readonly what: string;
  readonly ours: number;
  /** The server's own client; nothing where the figure stands for itself. */
  readonly raw?: number;
  readonly unit: string;
  /** What the figure has to reach, for people. */
  readonly target: string;
}

/** How often each is measured in turn; the medians count. */
const turns = 3;
const flood = 200_000;
const idleClients = 1_000;
const pace = 1_000;

interface Process {
  readonly child: ChildProcess;
  readonly remote: Remote;
}

/** Processes and a server for one measurement. */
class Trial {
  private readonly processes: Process[] = [];

  private constructor(
    readonly kind: Kind,
    private readonly server: LogServer,
  ) {}

  static async run<T>(kind: Kind, measure: (trial: Trial) => Promise<T>): Promise<T> {
    const trial = new Trial(kind, await LogServer.start(kind));
    try {
      return await measure(trial);
    } finally {
      for (const { child } of trial.processes) {
        const exit = once(child, 'exit');
        child.kill('SIGKILL');
        await exit;
      }
      await trial.server.end();
    }
  }

  fork(file: './node.js' | './reader.js'): Process {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)));
    const process = { child, remote: new Remote(child, () => undefined) };
    this.processes.push(process);
    return process;
  }

  get target(): { kind: Kind; port: number } {
    return { kind: this.kind, port: this.server.port };
  }

  /** A node of an application, and its port. */
  async node(): Promise<Process & { port: number }> {
    const process = this.fork('./node.js');
    return { ...process, port: await process.remote.call<number>('start', this.target) };
  }

  async raw(): Promise<Process> {
    const process = this.fork('./node.js');
    await process.remote.call('startRaw', this.target);
    return process;
  }
}

async function publishing(kind: Kind, milliseconds: number): Promise<Comparison> {
  return Trial.run(kind, async (trial) => {
    const ours = await trial.node();
    const raw = await trial.raw();
    const figures: Record<'ours' | 'raw', number[]> = { ours: [], raw: [] };
    for (const { remote } of [ours, raw]) await remote.call('saturate', milliseconds / 2);
    for (let turn = 0; turn < turns; turn++) {
      figures.raw.push(await raw.remote.call<number>('saturate', milliseconds));
      figures.ours.push(await ours.remote.call<number>('saturate', milliseconds));
    }
    return {
      ...{ kind, what: 'awaited publishes, 256 at a time', unit: 'a second', target: '≥ 0.7 of raw' },
      ...{ ours: median(figures.ours), raw: median(figures.raw) },
    };
  });
}

async function latency(kind: Kind, milliseconds: number): Promise<Comparison[]> {
  return Trial.run(kind, async (trial) => {
    const [one, other, raw] = [await trial.node(), await trial.node(), await trial.raw()];
    const [client, rawReader] = [trial.fork('./reader.js'), trial.fork('./reader.js')];
    await client.remote.call('connect', { port: other.port, clients: 1, topic: 'bench.*' });
    await rawReader.remote.call('follow', trial.target);
    const measure = async (writer: Remote, reader: Remote) => {
      await writer.call('pace', { perSecond: pace, milliseconds: 1_000 });
      await delay(200);
      await reader.call('reset');
      await writer.call('pace', { perSecond: pace, milliseconds });
      await delay(200);
      return reader.call<{ count: number; p50: number; p99: number }>('latencies');
    };
    const figures: Record<'ours' | 'raw', { p50: number; p99: number }[]> = { ours: [], raw: [] };
    for (let turn = 0; turn < turns; turn++) {
      figures.raw.push(await measure(raw.remote, rawReader.remote));
      figures.ours.push(await measure(one.remote, client.remote));
    }
    return (['p50', 'p99'] as const).map((share) => ({
      ...{ kind, what: `from publish to a client of another node, ${pace} a second, ${share}` },
      ...{ unit: 'ms', target: share === 'p99' ? '≤ 1.5 × raw' : '' },
      ours: median(figures.ours.map((each) => each[share])) / 1_000,
      raw: median(figures.raw.map((each) => each[share])) / 1_000,
    }));
  });
}

/** A node that stood still finds a log full of events: how fast it follows. */
async function ingest(kind: Kind): Promise<Comparison> {
  return Trial.run(kind, async (trial) => {
    const [writer, node] = [await trial.node(), await trial.node()];
    const clients = trial.fork('./reader.js');
    await clients.remote.call('connect', { port: node.port, clients: idleClients, topic: 'idle' });
    const figures: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      node.child.kill('SIGSTOP');
      await writer.remote.call('flood', flood);
      const end = await writer.remote.call<number>('head');
      const began = performance.now();
      node.child.kill('SIGCONT');
      while ((await node.remote.call<number>('head')) < end) await delay(5);
      figures.push((flood / (performance.now() - began)) * 1_000);
    }
    const what = `followed by a node with ${idleClients.toLocaleString('en')} idle clients`;
    return { kind, what, unit: 'events a second', target: '≥ 50,000', ours: median(figures) };
  });
}

/** Measures both backplanes. */
export async function compareBackplanes(milliseconds: number): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const kind of ['redis', 'nats'] as const) {
    comparisons.push(await publishing(kind, milliseconds));
    comparisons.push(...(await latency(kind, milliseconds)));
    comparisons.push(await ingest(kind));
  }
  return comparisons;
}

/** As a Markdown table. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const number = (value: number | undefined, digits: number) =>
    value?.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }) ?? '';
  const rows = comparisons.map(({ kind, what, unit, ours, raw, target }) => {
    const digits = unit === 'ms' ? 2 : 0;
    const ratio = raw === undefined ? '' : number(ours / raw, 2);
    return [kind, `${what} (${unit})`, number(ours, digits), number(raw, digits), ratio, target];
  });
  const lines = [
    ['', '', 'nestjs-push', 'raw', 'ratio', 'target'],
    ['---', '---', '--:', '--:', '--:', '---'],
    ...rows,
  ];
  return ['### Backplanes', '', ...lines.map((line) => `| ${line.join(' | ')} |`), ''].join('\n');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
