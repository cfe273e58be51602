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
  measure: (peer, { run }) =>
    Bench.run(peer, { topics: 1 }, async ({ server }) => ({
      nobody: await server.call<number>('alone', { listener: false, awaited: false, milliseconds: run }),
      nobodyAwaited: await server.call<number>('alone', {
        listener: false,
        awaited: true,
        milliseconds: run,
      }),
      one: await server.call<number>('alone', { listener: true, awaited: false, milliseconds: run }),
      oneAwaited: await server.call<number>('alone', { listener: true, awaited: true, milliseconds: run }),
    })),
};
