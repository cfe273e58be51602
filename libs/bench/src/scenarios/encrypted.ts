import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../backplanes/comparison.js';
import type { Bench } from '../bench.js';
import { carried } from '../peers.js';
import type { Figures, Scenario } from '../scenario.js';
import { inTurns, medianRatio, together } from '../turns.js';
import { throughput } from './saturation.js';

const subscribers = 500;
const rounds = 5;

/** Events a second at a pace at which the server has time between them. */
const perSecond = 200;

/** How events are published. */
type Publishing = (bench: Bench, milliseconds: number) => Promise<number>;

/** Each returns the deliveries for a second of the server's CPU time. */
const publishings: Readonly<Record<'one' | 'five' | 'paced', Publishing>> = {
  one: async (bench, milliseconds) =>
    (await throughput(bench, { burst: 1, window: 64 }, milliseconds)).deliveriesPerCpu,
  five: async (bench, milliseconds) =>
    (await throughput(bench, { burst: 5, window: 320 }, milliseconds)).deliveriesPerCpu,
  paced: async (bench, milliseconds) => {
    const [from, used] = await Promise.all([bench.progress(), bench.usage()]);
    await bench.complete(await bench.server.call<number>('rate', { perSecond, milliseconds }));
    const [to, usedTo] = await Promise.all([bench.progress(), bench.usage()]);
    return ((to.events - from.events) * 1e6) / (usedTo.cpu - used.cpu);
  },
};

const columns = (key: string, title: string) => [
  { key, title },
  { key: `${key}Bare`, title: `${title}: ÷ bare Node`, digits: 2 },
  { key: `${key}Timed`, title: `${title}: ÷ bare Node with the session timeout of Fastify`, digits: 2 },
  { key: `${key}Nginx`, title: `${title}: ÷ behind nginx`, digits: 2 },
];

/**
 * Encrypted connections and HTTP/2. For each, four servers take turns: nestjs-push, `node:https` or `node:http2` by hand, the same with
 * a timeout for idle sessions, which nestjs-push has from Fastify, and nestjs-push in clear text with nginx in front, whose CPU time
 * counts.
 */
export const encrypted: Scenario = {
  name: 'encrypted',
  title: `TLS and HTTP/2: ${subscribers} subscribers of one topic, deliveries per server CPU second`,
  columns: [
    ...columns('one', 'an event a turn'),
    ...columns('five', 'five a turn'),
    ...columns('paced', `${perSecond} events a second`),
  ],
  peers: carried.map(({ name }) => name),
  quickPeers: carried.map(({ name }) => name),
  measure: async (peer, { run }) => {
    const others = ['bare-node', 'bare-timed', 'behind-nginx'];
    const servers = [peer, ...others.map((file) => ({ ...peer, file }))];
    const options = { topics: 1, retained: 20_000 };
    return together(
      servers.map((each) => ({ peer: each, options })),
      async (benches) => {
        for (const bench of benches) await begin(bench);
        let figures: Figures = {};
        for (const [key, publishing] of Object.entries(publishings))
          figures = { ...figures, ...(await compared(key, benches, (bench) => publishing(bench, run / 4))) };
        return figures;
      },
    );
  },
};

/** Clients come, and the compilers do their work. */
async function begin(bench: Bench): Promise<void> {
  await bench.open(subscribers);
  await delay(300);
  for (const publishing of Object.values(publishings)) await publishing(bench, 400);
}

async function compared(
  key: string,
  benches: readonly Bench[],
  measure: (bench: Bench) => Promise<number>,
): Promise<Figures> {
  const [own, bare, timed, nginx] = await inTurns(benches, rounds, measure);
  return {
    [key]: median(own!),
    [`${key}Bare`]: medianRatio(own!, bare!),
    [`${key}Timed`]: medianRatio(own!, timed!),
    [`${key}Nginx`]: medianRatio(own!, nginx!),
  };
}
