import { setTimeout as delay } from 'node:timers/promises';
import { Bench } from '../bench.js';
import { peers } from '../peers.js';
import type { Scenario } from '../scenario.js';

const subscribers = 1_000;
const perSecond = 50;

/** From publish to receipt, at a rate that everyone can keep. */
export const latency: Scenario = {
  name: 'latency',
  title: `Latency: ${subscribers.toLocaleString('en')} subscribers, ${perSecond} events a second, milliseconds`,
  columns: [
    { key: 'p50', title: 'p50', digits: 2 },
    { key: 'p99', title: 'p99', digits: 2 },
    { key: 'p999', title: 'p99.9', digits: 2 },
    { key: 'cpu', title: 'server CPU %', digits: 1 },
  ],
  peers: peers.map(({ name }) => name),
  quickPeers: ['push-sse', 'raw-http', 'push-ws', 'raw-ws'],
  measure: (peer, { run }) =>
    Bench.run(peer, { topics: 1 }, async (bench) => {
      await bench.open(subscribers, { latency: true });
      await delay(300);
      await bench.complete(await bench.server.call<number>('rate', { perSecond, milliseconds: 1_000 }));
      await bench.clients.call('forgetLatencies');
      const used = await bench.usage();
      await bench.complete(await bench.server.call<number>('rate', { perSecond, milliseconds: 2 * run }));
      const usedTo = await bench.usage();
      const [p50, p99, p999] = await bench.clients.call<[number, number, number]>('latencies');
      const cpu = (100 * (usedTo.cpu - used.cpu)) / (usedTo.microseconds - used.microseconds);
      return { p50: p50 / 1e3, p99: p99 / 1e3, p999: p999 / 1e3, cpu };
    }),
};
