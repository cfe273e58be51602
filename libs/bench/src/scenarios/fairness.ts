import { Bench } from '../bench.js';
import type { Peer } from '../peers.js';
import type { Scenario } from '../scenario.js';
import type { Burst } from '../server/publisher.js';

/** A burst of publishes, or a giant audience, must not freeze the event loop. */
export const fairness: Scenario = {
  name: 'fairness',
  title: 'Fairness: longest block of the event loop after the turn of a burst, milliseconds',
  columns: [
    { key: 'burst', title: '100,000 events in a turn, 100 clients', digits: 1 },
    { key: 'audience', title: '100 events, 10,000 clients', digits: 1 },
  ],
  peers: ['push-sse', 'push-ws'],
  quickPeers: [],
  measure: async (peer) => ({
    burst: await longest(peer, 100, 100_000),
    audience: await longest(peer, 10_000, 100),
  }),
};

async function longest(peer: Peer, clients: number, events: number): Promise<number> {
  return Bench.run(peer, { topics: 1, retained: 200_000 }, async (bench) => {
    await bench.open(clients);
    // The first bursts compile.
    for (let round = 0; round < 5; round++) {
      await bench.complete((await bench.server.call<Burst>('burst', Math.ceil(events / 50))).next);
    }
    const { next, longest: block } = await bench.server.call<Burst>('burst', events);
    await bench.complete(next);
    return block;
  });
}
