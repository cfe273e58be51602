import { setTimeout as delay } from 'node:timers/promises';
import { Bench } from '../bench.js';
import { peers, type Peer } from '../peers.js';
import type { Figures, Scale, Scenario } from '../scenario.js';
import type { Pace } from '../server/publisher.js';

/** What a server can deliver. */
interface Throughput {
  /** Events received by clients, a second. */
  readonly deliveries: number;
  /** The same for a second of CPU time of the server. */
  readonly deliveriesPerCpu: number;
}

/** How to go about it: few events a turn for those who write each event, many for those who gather. */
const paces: readonly Pace[] = [
  { burst: 1, window: 64 },
  { burst: 16, window: 128 },
  { burst: 64, window: 256 },
  { burst: 512, window: 2048 },
  { burst: 2048, window: 8192 },
];

/** How many times as long as a trial may be what is on the way at its end. */
const longestBacklog = 14;

/** More than may be on the way: nobody may be told of a gap, since every event is counted. */
const retained = 20_000;

/** The columns of what a server can deliver. */
export const saturationColumns = [
  { key: 'deliveries', title: 'deliveries/s' },
  { key: 'deliveriesPerCpu', title: 'per server CPU second' },
  { key: 'burst', title: 'publishes a turn' },
];

function saturation(subscribers: number, quickPeers: readonly string[]): Scenario {
  return {
    name: `saturation-${subscribers}`,
    title: `Saturation: ${subscribers.toLocaleString('en')} subscribers of one topic`,
    columns: saturationColumns,
    peers: peers.map(({ name }) => name),
    quickPeers,
    measure: (peer, scale) => atBestPace(peer, { subscribers, topics: 1 }, scale),
  };
}

/** Publishes as fast as the clients take it, at the pace that suits the server best. */
async function atBestPace(
  peer: Peer,
  { subscribers, topics }: { subscribers: number; topics: number },
  scale: Scale,
): Promise<Figures> {
  return Bench.run(peer, { topics, retained }, async (bench) => {
    await bench.open(subscribers);
    await delay(300);
    const trials: { pace: Pace; deliveries: number }[] = [];
    let best = 0;
    let growth = Infinity;
    for (const pace of paces) {
      // Who gains little by gathering is not asked for more than can arrive in time.
      const backlog = best && (pace.window * subscribers * 1_000) / best;
      if (growth < 2 && backlog > longestBacklog * scale.trial) break;
      const { deliveries } = await throughput(bench, pace, scale.trial);
      trials.push({ pace, deliveries });
      // Those who write each event gain nothing by more at a time, and would take minutes for it.
      if (deliveries < 1.1 * best) break;
      growth = best ? deliveries / best : Infinity;
      best = deliveries;
    }
    // A trial is short: what is almost as good may be better.
    const candidates = trials.filter(({ deliveries }) => deliveries > 0.9 * best);
    const figures: (Throughput & Figures)[] = [];
    for (const { pace } of candidates) {
      figures.push({ ...(await throughput(bench, pace, scale.run)), burst: pace.burst });
    }
    return figures.reduce((one, other) => (other.deliveries > one.deliveries ? other : one));
  });
}

/** Measures from the first publish until everyone has everything. */
export async function throughput(bench: Bench, pace: Pace, milliseconds: number): Promise<Throughput> {
  const [from, used] = await Promise.all([bench.progress(), bench.usage()]);
  const next = await bench.server.call<number>('saturate', { ...pace, milliseconds });
  const end = await bench.complete(next);
  const [to, usedTo] = await Promise.all([bench.progress(), bench.usage()]);
  const events = (to.events - from.events) * 1e6;
  return {
    deliveries: events / (end - from.microseconds),
    deliveriesPerCpu: events / (usedTo.cpu - used.cpu),
  };
}

export const saturations: readonly Scenario[] = [
  saturation(500, [
    'push-sse',
    'shared-sse',
    'better-sse',
    'nest-sse',
    'push-ws',
    'shared-ws',
    'socket-io',
    'nest-ws',
  ]),
  saturation(5_000, []),
];
