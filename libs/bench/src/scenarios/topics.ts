import { setTimeout as delay } from 'node:timers/promises';
import { Bench } from '../bench.js';
import { peerNamed, type Peer } from '../peers.js';
import type { Figures, Scale, Scenario } from '../scenario.js';
import { inTurns, medianRatio, together } from '../turns.js';
import { saturationColumns, throughput } from './saturation.js';

const topicCount = 10_000;

/** Events a second that everyone can keep. */
const steadyRate = 20_000;

/** One event a topic and turn at most, so that every delivery is a write. */
const pace = { burst: topicCount / 10, window: 2 * topicCount };

const rounds = 9;

/** As many topics as clients: nothing can be gathered. Ours take turns with the control. */
export const topics: Scenario = {
  name: 'topics',
  title: `Many topics: ${topicCount.toLocaleString('en')} clients with a topic each`,
  columns: [
    ...saturationColumns,
    { key: 'ratio', title: 'per server CPU second ÷ control, in turns', digits: 2 },
    {
      key: 'microseconds',
      title: `CPU µs each at ${steadyRate.toLocaleString('en')}/s`,
      digits: 1,
    },
  ],
  peers: [
    'push-sse',
    'push-sse-express',
    'shared-sse',
    'better-sse',
    'nest-sse',
    'push-ws',
    'shared-ws',
    'raw-ws',
    'socket-io',
  ],
  quickPeers: ['push-sse', 'shared-sse', 'push-ws', 'shared-ws'],
  measure: async (peer, scale) => {
    const figures = await alone(peer, scale);
    return peer.role === 'ours' ? { ...figures, ratio: await overControl(peer, scale) } : figures;
  },
};

async function alone(peer: Peer, scale: Scale): Promise<Figures> {
  return Bench.run(peer, { topics: topicCount }, async (bench) => {
    await begin(bench, scale);
    const fastest = await throughput(bench, pace, scale.run);
    return { ...fastest, burst: pace.burst, microseconds: await steadyCost(bench, scale.run) };
  });
}

/** Clients come, and the compilers do their work. */
async function begin(bench: Bench, { trial }: Scale): Promise<void> {
  await bench.open(topicCount);
  await delay(300);
  await throughput(bench, pace, trial);
}

async function overControl(peer: Peer, scale: Scale): Promise<number> {
  const control = peerNamed(peer.transport === 'SSE' ? 'shared-sse' : 'shared-ws');
  const servers = [peer, control].map((each) => ({ peer: each, options: { topics: topicCount } }));
  return together(servers, async (benches) => {
    for (const bench of benches) await begin(bench, scale);
    const [own, other] = await inTurns(benches, rounds, async (bench) => {
      const { deliveriesPerCpu } = await throughput(bench, pace, scale.run / 6);
      return deliveriesPerCpu;
    });
    return medianRatio(own!, other!);
  });
}

/** Microseconds of CPU time of the server for a delivery, at the same rate for everyone. */
async function steadyCost(bench: Bench, milliseconds: number): Promise<number> {
  const used = await bench.usage();
  await bench.complete(await bench.server.call<number>('rate', { perSecond: steadyRate, milliseconds }));
  const { cpu } = await bench.usage();
  return ((cpu - used.cpu) * 1_000) / (steadyRate * milliseconds);
}
