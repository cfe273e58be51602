import { setTimeout as delay } from 'node:timers/promises';
import { Bench } from '../bench.js';
import type { Scenario } from '../scenario.js';
import type { Usage } from '../server/host.js';
import { throughput } from './saturation.js';

const readers = 2_000;
const stalled = 200;
const pace = { burst: 128, window: 512 };

/** Clients that are connected and read nothing cost the others nothing. */
export const isolation: Scenario = {
  name: 'stalled',
  title: `Isolation: ${stalled} clients stall among ${readers.toLocaleString('en')} that read`,
  columns: [
    { key: 'without', title: 'deliveries per CPU s, nobody stalls' },
    { key: 'with', title: 'beside the stalled' },
    { key: 'ratio', title: 'ratio', digits: 2 },
    { key: 'grown', title: 'MB grown' },
  ],
  peers: ['push-sse', 'push-sse-express', 'push-ws'],
  quickPeers: [],
  measure: (peer, { run }) =>
    Bench.run(peer, { topics: 1 }, async (bench) => {
      await bench.open(readers);
      await delay(300);
      await throughput(bench, pace, run);
      const alone = await throughput(bench, pace, run);
      const before = await bench.server.call<Usage>('settled');
      await bench.open(stalled, { stalled: true });
      // Until their sockets are full: the kernel grows its buffers to megabytes for each.
      for (let round = 0; round < 3; round++) await throughput(bench, pace, run);
      const beside = await throughput(bench, pace, run);
      const after = await bench.server.call<Usage>('settled');
      return {
        without: alone.deliveriesPerCpu,
        with: beside.deliveriesPerCpu,
        ratio: beside.deliveriesPerCpu / alone.deliveriesPerCpu,
        grown: (after.rss - before.rss) / 1e6,
      };
    }),
};
