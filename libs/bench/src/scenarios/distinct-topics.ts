import { setTimeout as delay } from 'node:timers/promises';
import { Bench } from '../bench.js';
import type { Peer } from '../peers.js';
import type { Scale, Scenario } from '../scenario.js';
import { throughput } from './saturation.js';

const clients = 400;
const topicsEach = 250;

/** The same clients and the same deliveries, of few topics and of many. */
export const distinctTopics: Scenario = {
  name: 'distinct-topics',
  title: `Index: ${(clients * topicsEach).toLocaleString('en')} topics with one subscriber each`,
  columns: [
    { key: 'few', title: `events per CPU s, ${clients} topics` },
    { key: 'many', title: `events per CPU s, ${(clients * topicsEach).toLocaleString('en')} topics` },
    { key: 'ratio', title: 'ratio', digits: 2 },
  ],
  peers: ['push-ws'],
  quickPeers: [],
  measure: async (peer, scale) => {
    const few = await eventsPerCpu(peer, 1, scale);
    const many = await eventsPerCpu(peer, topicsEach, scale);
    return { few, many, ratio: many / few };
  },
};

async function eventsPerCpu(peer: Peer, each: number, { trial, run }: Scale): Promise<number> {
  return Bench.run(peer, { topics: clients * each }, async (bench) => {
    await bench.open(clients, { topicsEach: each });
    await delay(300);
    const pace = { burst: clients, window: 16 * clients };
    await throughput(bench, pace, 4 * trial);
    return (await throughput(bench, pace, run)).deliveriesPerCpu;
  });
}
