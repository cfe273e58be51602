import { microseconds } from '../event.js';
import { Bench } from '../bench.js';
import type { Scenario } from '../scenario.js';

const clients = 10_000;
const missed = 100;

/** Everyone comes back at once, and gets what was missed. */
export const reconnect: Scenario = {
  name: 'reconnect',
  title: `Reconnect storm: ${clients.toLocaleString('en')} clients resume and replay ${missed} events each`,
  columns: [
    { key: 'seconds', title: 'seconds', digits: 2 },
    { key: 'cpu', title: 'server CPU s', digits: 2 },
  ],
  peers: ['push-sse', 'push-sse-express', 'push-ws'],
  quickPeers: ['push-sse', 'push-ws'],
  measure: (peer) =>
    Bench.run(peer, { topics: 1 }, async (bench) => {
      // A server that has already served, as one that clients come back to has.
      await bench.open(500);
      await bench.complete(await bench.server.call<number>('publish', missed));
      await bench.clients.call('close');
      const resume = await bench.server.call<string>('position');
      const next = await bench.server.call<number>('publish', missed);
      const used = await bench.usage();
      const start = microseconds();
      await bench.open(clients, { next: next - missed, resume });
      const end = await bench.complete(next);
      const usedTo = await bench.usage();
      return { seconds: (end - start) / 1e6, cpu: (usedTo.cpu - used.cpu) / 1e6 };
    }),
};
