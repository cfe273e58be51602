import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../backplanes/comparison.js';
import type { Bench } from '../bench.js';
import type { Scenario } from '../scenario.js';
import { inTurns, medianRatio, together } from '../turns.js';
import { throughput } from './saturation.js';

const clients = 400;
const topicsEach = 250;

const pace = { burst: clients, window: 16 * clients };
const rounds = 9;

/** The same clients and the same deliveries, of few topics and of many, in turns. */
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
  measure: async (peer, { trial, run }) => {
    const servers = [topicsEach, 1].map((each) => ({ peer, options: { topics: clients * each } }));
    return together(servers, async ([many, few]) => {
      await begin(many!, topicsEach, trial);
      await begin(few!, 1, trial);
      const [own, other] = await inTurns([many!, few!], rounds, async (bench) => {
        const { deliveriesPerCpu } = await throughput(bench, pace, run / 6);
        return deliveriesPerCpu;
      });
      return { few: median(other!), many: median(own!), ratio: medianRatio(own!, other!) };
    });
  },
};

/** Clients come, and the compilers do their work. */
async function begin(bench: Bench, each: number, trial: number): Promise<void> {
  await bench.open(clients, { topicsEach: each });
  await delay(300);
  await throughput(bench, pace, 4 * trial);
}
