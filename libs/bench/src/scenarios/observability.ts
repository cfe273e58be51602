import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../backplanes/comparison.js';
import { Bench } from '../bench.js';
import type { Peer } from '../peers.js';
import type { Scenario } from '../scenario.js';
import type { ServerOptions } from '../server/contract.js';
import type { Pace } from '../server/publisher.js';
import { throughput } from './saturation.js';

const subscribers = 500;
const rounds = 20;

/** One event a turn: each delivery is a write. */
const steady: Pace = { burst: 1, window: 64 };
/** Many events a turn, which a client gets in one write: publishing is most of the work. */
const bursts: Pace = { burst: 512, window: 2048 };

/**
 * What metrics and traces cost, in one run: the servers take turns, so that what disturbs the machine disturbs all. They are held
 * against a server that has the context of tracing and nothing else, and that against one that has not even this: before Node 24 a
 * context (`AsyncLocalStorage`) costs something wherever it is used.
 */
export const observability: Scenario = {
  name: 'observability',
  title: `Metrics and traces, over none: per server CPU second, ${subscribers} subscribers of one topic`,
  columns: [
    { key: 'fanOut', title: 'deliveries, an event a turn', digits: 2 },
    { key: 'fanOutSampled', title: '1 % of traces', digits: 2 },
    { key: 'fanOutContext', title: 'the context alone', digits: 2 },
    { key: 'bursts', title: 'deliveries, 512 events a turn', digits: 2 },
    { key: 'burstsSampled', title: '1 % of traces', digits: 2 },
    { key: 'publish', title: 'publishing alone', digits: 2 },
    { key: 'publishSampled', title: '1 % of traces', digits: 2 },
    { key: 'publishContext', title: 'the context alone', digits: 2 },
  ],
  peers: ['push-sse', 'push-ws'],
  quickPeers: ['push-sse'],
  measure: async (peer, { run }) => {
    const time = run / 4;
    const fanOut = await compared(peer, subscribers, (bench) => perCpu(bench, steady, time));
    const burst = await compared(peer, subscribers, (bench) => perCpu(bench, bursts, time));
    const alone = { listener: false, awaited: true, milliseconds: time };
    const publish = await compared(peer, 0, ({ server }) => server.call<number>('alone', alone));
    return {
      fanOut: fanOut.all,
      fanOutSampled: fanOut.sampled,
      fanOutContext: fanOut.context,
      bursts: burst.all,
      burstsSampled: burst.sampled,
      publish: publish.all,
      publishSampled: publish.sampled,
      publishContext: publish.context,
    };
  },
};

/** Ratios of medians: of servers with metrics and traces to one with a context, and of that to one without. */
async function compared(peer: Peer, clients: number, measure: (bench: Bench) => Promise<number>) {
  return withServers(peer, [undefined, 'context', 'sampled', 'all'], async (benches) => {
    if (clients > 0) for (const bench of benches) await bench.open(clients);
    await delay(300);
    const turns = benches.map((bench) => ({ bench, figures: [] as number[] }));
    // The first rounds are for the compilers.
    for (let round = -4; round < rounds; round++) {
      for (const { bench, figures } of turns) {
        const figure = await measure(bench);
        if (round >= 0) figures.push(figure);
      }
      turns.reverse();
    }
    // The number of rounds is even, so they are in their order again.
    const [none, context, sampled, all] = turns.map(({ figures }) => median(figures)) as [
      number,
      number,
      number,
      number,
    ];
    return { context: context / none, sampled: sampled / context, all: all / context };
  });
}

/** Runs `use` with a server for each kind of tracing, all at the same time. */
async function withServers<Result>(
  peer: Peer,
  [tracing, ...others]: ServerOptions['tracing'][],
  use: (benches: Bench[]) => Promise<Result>,
): Promise<Result> {
  return Bench.run(peer, { topics: 1, retained: 20_000, tracing }, (bench) =>
    others.length === 0 ? use([bench]) : withServers(peer, others, (rest) => use([bench, ...rest])),
  );
}

async function perCpu(bench: Bench, pace: Pace, milliseconds: number): Promise<number> {
  return (await throughput(bench, pace, milliseconds)).deliveriesPerCpu;
}
