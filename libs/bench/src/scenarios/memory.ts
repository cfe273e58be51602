import { setTimeout as delay } from 'node:timers/promises';
import { Bench } from '../bench.js';
import { peers } from '../peers.js';
import type { Scenario } from '../scenario.js';
import type { Usage } from '../server/host.js';

const clients = 10_000;

/** Resident memory of connections that do nothing, over that of the server without any. */
export const memory: Scenario = {
  name: 'memory',
  title: `Memory of an idle client, of ${clients.toLocaleString('en')}`,
  columns: [
    { key: 'perClient', title: 'kB a client', digits: 2 },
    { key: 'empty', title: 'MB without clients' },
  ],
  peers: peers.map(({ name }) => name).filter((name) => !name.startsWith('shared')),
  quickPeers: ['push-sse', 'push-ws'],
  measure: (peer) =>
    Bench.run(peer, { topics: 1 }, async (bench) => {
      // Code that runs for the first time, and pools, belong to the empty server.
      await bench.open(100);
      await bench.clients.call('close');
      await delay(500);
      const before = await bench.server.call<Usage>('settled');
      await bench.open(clients);
      const after = await bench.server.call<Usage>('settled');
      return { perClient: (after.rss - before.rss) / clients / 1e3, empty: before.rss / 1e6 };
    }),
};
