import { Bench } from '../bench.js';
import type { Scenario } from '../scenario.js';

/** What publishing costs the application, without the network. */
export const publish: Scenario = {
  name: 'publish',
  title: 'Publish alone, events a CPU second',
  columns: [
    { key: 'nobody', title: 'nobody listens' },
    { key: 'nobodyAwaited', title: 'each awaited' },
    { key: 'one', title: 'one handler' },
    { key: 'oneAwaited', title: 'each awaited' },
  ],
  peers: ['push-sse'],
  quickPeers: ['push-sse'],
  measure: (peer) =>
    Bench.run(peer, { topics: 1 }, async ({ server }) => ({
      nobody: await server.call<number>('alone', { listener: false, awaited: false }),
      nobodyAwaited: await server.call<number>('alone', { listener: false, awaited: true }),
      one: await server.call<number>('alone', { listener: true, awaited: false }),
      oneAwaited: await server.call<number>('alone', { listener: true, awaited: true }),
    })),
};
