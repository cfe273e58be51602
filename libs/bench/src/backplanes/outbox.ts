import { setTimeout as delay } from 'node:timers/promises';
import type { Remote } from '../remote.js';
import { median, type Comparison } from './comparison.js';
import type { Way } from './transactions.js';
import { Trial } from './trial.js';

/** How often each is measured in turn; the medians count. */
const turns = 3;
const kind = 'postgres';
/** How many transactions are run side by side. */
const sides = [1, 32];
/** Transactions a second, where latency is measured. */
const pace = 200;

async function writer(trial: Trial, way: Way): Promise<Remote> {
  const { remote } = trial.fork('./outbox-node.js');
  await remote.call('connect', { port: trial.target.port, way, connections: Math.max(...sides) });
  return remote;
}

async function node(trial: Trial, relay: boolean): Promise<{ remote: Remote; port: number }> {
  const { remote } = trial.fork('./outbox-node.js');
  return { remote, port: await remote.call<number>('start', { port: trial.target.port, relay }) };
}

/** Transactions that publish, over those that insert a row and notify. The relay and a reader of the rows work meanwhile. */
async function throughput(milliseconds: number): Promise<Comparison[]> {
  return Trial.run(kind, (first) =>
    Trial.run(kind, async (second) => {
      const relay = await node(first, true);
      const follower = second.fork('./reader.js').remote;
      await follower.call('followRows', second.target);
      const ways = {
        raw: await writer(second, 'raw'),
        notified: await writer(first, 'notified'),
        polled: await writer(first, 'polled'),
      };
      const comparisons: Comparison[] = [];
      for (const concurrent of sides) {
        const figures: Record<Way, number[]> = { raw: [], notified: [], polled: [] };
        for (let turn = 0; turn <= turns; turn++)
          for (const [way, remote] of Object.entries(ways) as [Way, Remote][]) {
            const reached = await remote.call<number>('saturate', {
              milliseconds: milliseconds / 2,
              concurrent,
            });
            await relay.remote.call('drained');
            // The first turn is for the compilers.
            if (turn > 0) figures[way].push(reached);
          }
        for (const way of ['notified', 'polled'] as const) {
          const how = way === 'notified' ? '' : ' without NOTIFY; raw with it';
          const what = `transactions that publish, ${concurrent} at a time${how}`;
          const common = { kind, what, unit: 'a second', target: '' } as const;
          comparisons.push({ ...common, ours: median(figures[way]), raw: median(figures.raw) });
        }
      }
      return comparisons;
    }),
  );
}

type Latencies = Readonly<Record<'p50' | 'p99', number>>;

/** From the publish in a transaction, before its commit, to a client of a node that does not relay. Raw: to a listener. */
async function latency(milliseconds: number): Promise<Comparison[]> {
  return Trial.run(kind, (first) =>
    Trial.run(kind, async (second) => {
      await node(first, true);
      const other = await node(first, false);
      const [client, follower] = [first.fork('./reader.js').remote, second.fork('./reader.js').remote];
      await client.call('listen', { port: other.port, path: '/push/events?topic=bench.*' });
      await follower.call('followRows', second.target);
      const ways = {
        ours: { from: await writer(first, 'notified'), to: client },
        raw: { from: await writer(second, 'raw'), to: follower },
      };
      const figures: Record<'ours' | 'raw', Latencies[]> = { ours: [], raw: [] };
      for (let turn = 0; turn <= milliseconds / 150; turn++)
        for (const way of ['ours', 'raw'] as const) {
          const { from, to } = ways[way];
          await to.call('reset');
          await from.call('pace', { perSecond: pace, milliseconds: 500 });
          await delay(50);
          const reached = await to.call<Latencies>('latencies');
          if (turn > 0) figures[way].push(reached);
        }
      return (['p50', 'p99'] as const).map((share) => {
        const of = (way: 'ours' | 'raw') => median(figures[way].map((each) => each[share])) / 1_000;
        const what = `from publish in a transaction to a client of another node, ${pace} a second, ${share}; raw: to a listener`;
        return { kind, what, unit: 'ms', target: '', ours: of('ours'), raw: of('raw') };
      });
    }),
  );
}

/** Publishing inside of transactions: what it costs them, and how fast it gets through. */
export async function outbox(milliseconds: number): Promise<Comparison[]> {
  return [...(await throughput(milliseconds)), ...(await latency(milliseconds))];
}
