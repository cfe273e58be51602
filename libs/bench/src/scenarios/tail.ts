import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../backplanes/comparison.js';
import type { Bench } from '../bench.js';
import { uws } from '../peers.js';
import type { Figures, Scenario } from '../scenario.js';
import { inTurns, medianRatio, together } from '../turns.js';

const subscribers = 500;
const perSecond = 10_000;

/** Of so many clients one is read: to read them all would take more than a core. They are those that are written to early, and late. */
const sample = 10;

/** How often each server has its turn. */
const rounds = 5;

/** What a server has shown in one turn: milliseconds, and the part of a core that it took. */
interface Shown {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly cpu: number;
}

/** Latency at a rate that takes most of a core. Each server takes turns with one in C++, so that what disturbs the machine disturbs both. */
export const tail: Scenario = {
  name: 'tail',
  title: `Tail: ${subscribers} subscribers, ${perSecond.toLocaleString('en')} events a second, milliseconds`,
  columns: [
    { key: 'p50', title: 'p50', digits: 2 },
    { key: 'p99', title: 'p99', digits: 2 },
    { key: 'p999', title: 'p99.9', digits: 2 },
    { key: 'cpu', title: 'server CPU %', digits: 1 },
    { key: 'uws', title: 'p99 of uWebSockets in turn', digits: 2 },
    { key: 'ratio', title: 'p99 ÷ uWebSockets', digits: 2 },
  ],
  peers: ['push-ws', 'push-ws-young', 'shared-ws', ...(uws ? [uws.name] : [])],
  quickPeers: ['push-ws', ...(uws ? [uws.name] : [])],
  measure: async (peer, { run }) => {
    const servers = [peer, ...(uws && peer !== uws ? [uws] : [])];
    const options = { topics: 1 };
    return together(
      servers.map((each) => ({ peer: each, options })),
      async (benches) => {
        for (const bench of benches) await begin(bench, 2 * run);
        const [own, other] = await inTurns(benches, rounds, (bench) => turn(bench, 2 * run));
        const shown = middle(own!);
        if (!other) return { ...shown };
        return { ...shown, uws: middle(other).p99, ratio: medianRatio(own!.map(p99Of), other.map(p99Of)) };
      },
    );
  },
};

function p99Of({ p99 }: Shown): number {
  return p99;
}

/** Clients come, and the compilers do their work. */
async function begin(bench: Bench, milliseconds: number): Promise<void> {
  await bench.open(subscribers, { latency: sample });
  await delay(300);
  await publish(bench, milliseconds);
  await bench.clients.call('mark');
}

async function turn(bench: Bench, milliseconds: number): Promise<Shown> {
  await bench.clients.call('forgetLatencies');
  const from = await bench.usage();
  await publish(bench, milliseconds);
  const to = await bench.usage();
  const [p50, p99, p999] = await bench.clients.call<[number, number, number]>('latencies');
  const cpu = (100 * (to.cpu - from.cpu)) / (to.microseconds - from.microseconds);
  return { p50: p50 / 1e3, p99: p99 / 1e3, p999: p999 / 1e3, cpu };
}

async function publish(bench: Bench, milliseconds: number): Promise<void> {
  await bench.complete(await bench.server.call<number>('rate', { perSecond, milliseconds }));
}

function middle(turns: readonly Shown[]): Shown & Figures {
  const of = (key: keyof Shown) => median(turns.map((each) => each[key]));
  return { p50: of('p50'), p99: of('p99'), p999: of('p999'), cpu: of('cpu') };
}
