import { setTimeout as delay } from 'node:timers/promises';
import type { EventKind } from '../application-events.js';
import { median } from '../backplanes/comparison.js';
import { Bench } from '../bench.js';
import type { Peer } from '../peers.js';
import type { Figures, Scenario } from '../scenario.js';
import type { Usage } from '../server/host.js';
import type { Pace } from '../server/publisher.js';
import { throughput } from './saturation.js';

const subscribers = 500;
const rounds = 4;

/** One event a turn: each is compressed, and written, by itself. */
const pace: Pace = { burst: 1, window: 64 };

/** Until all clients share the compressor, which takes 20 events at most, and the compilers have done their work. */
const warmUp = { perSecond: 100, milliseconds: 1_000 };

/** What a server has shown with one kind of event. */
interface Shown {
  /** Bytes on the wire for an event at one client. */
  readonly bytes: number;
  readonly deliveriesPerCpu: number;
  /** Resident memory with all clients, in bytes. */
  readonly rss: number;
}

const columns = (kind: EventKind, one: string) => [
  { key: `${kind}Plain`, title: `bytes of ${one}` },
  { key: `${kind}Bytes`, title: 'compressed' },
  { key: `${kind}Factor`, title: `${kind}: bytes, plain ÷ compressed`, digits: 1 },
  { key: `${kind}PerCpuPlain`, title: 'deliveries per server CPU second' },
  { key: `${kind}PerCpu`, title: 'compressed' },
  { key: `${kind}Cpu`, title: `${kind}: deliveries per server CPU second, compressed ÷ plain`, digits: 2 },
];

/**
 * Events with compression and without. The two servers of a row take turns, so that what disturbs the machine disturbs both. `ws`
 * compresses for each client by itself, as it does by default once it is switched on.
 */
export const compression: Scenario = {
  name: 'compression',
  title: `Compression: ${subscribers} subscribers of one topic, an event a turn`,
  columns: [
    ...columns('orders', 'an order'),
    ...columns('tokens', 'a token'),
    { key: 'memoryPlain', title: 'MB of the server' },
    { key: 'memory', title: 'compressed' },
  ],
  peers: ['push-sse', 'push-ws', 'raw-ws'],
  quickPeers: ['push-sse', 'push-ws', 'raw-ws'],
  measure: async (peer, { run }) => {
    const orders = await compared(peer, 'orders', run / 4);
    const tokens = await compared(peer, 'tokens', run / 4);
    return {
      ...figuresOf('orders', orders),
      ...figuresOf('tokens', tokens),
      memoryPlain: orders.plain.rss / 1e6,
      memory: orders.compressed.rss / 1e6,
    };
  },
};

function figuresOf(kind: EventKind, { plain, compressed }: { plain: Shown; compressed: Shown }): Figures {
  return {
    [`${kind}Plain`]: plain.bytes,
    [`${kind}Bytes`]: compressed.bytes,
    [`${kind}Factor`]: plain.bytes / compressed.bytes,
    [`${kind}PerCpuPlain`]: plain.deliveriesPerCpu,
    [`${kind}PerCpu`]: compressed.deliveriesPerCpu,
    [`${kind}Cpu`]: compressed.deliveriesPerCpu / plain.deliveriesPerCpu,
  };
}

/** A server that compresses and one that does not, in turns. */
function compared(peer: Peer, events: EventKind, milliseconds: number) {
  const run = <Result>(isOn: boolean, use: (bench: Bench) => Promise<Result>) =>
    Bench.run(peer, { topics: 1, retained: 20_000, compression: isOn, events }, use);
  return run(false, (plain) =>
    run(true, async (compressed) => {
      const turns = [plain, compressed].map((bench) => ({ bench, figures: [] as Omit<Shown, 'rss'>[] }));
      for (const { bench } of turns) await begin(bench, events, bench === compressed);
      for (let round = 0; round < rounds; round++) {
        for (const { bench, figures } of turns) figures.push(await turn(bench, milliseconds));
        turns.reverse();
      }
      const [withoutIt, withIt] = await Promise.all(turns.map(shown));
      return { plain: withoutIt!, compressed: withIt! };
    }),
  );
}

/** Clients come, and get their first events. */
async function begin(bench: Bench, events: EventKind, isCompressed: boolean): Promise<void> {
  await bench.open(subscribers, { weighed: events, compressed: isCompressed });
  await delay(300);
  await bench.complete(await bench.server.call<number>('rate', warmUp));
  await delay(300);
  await bench.clients.call('mark');
}

async function turn(bench: Bench, milliseconds: number): Promise<Omit<Shown, 'rss'>> {
  const from = await bench.progress();
  const { deliveriesPerCpu } = await throughput(bench, pace, milliseconds);
  const to = await bench.progress();
  return { bytes: (to.bytes - from.bytes) / (to.events - from.events), deliveriesPerCpu };
}

async function shown({
  bench,
  figures,
}: {
  bench: Bench;
  figures: readonly Omit<Shown, 'rss'>[];
}): Promise<Shown> {
  const { rss } = await bench.server.call<Usage>('settled');
  return {
    bytes: median(figures.map((each) => each.bytes)),
    deliveriesPerCpu: median(figures.map((each) => each.deliveriesPerCpu)),
    rss,
  };
}
