import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { microseconds } from '../event.js';
import { answer } from '../remote.js';
import type { BenchServer, ServerOptions, StartServer } from './contract.js';
import { Publisher } from './publisher.js';

/* A process of its own for each server under test. */

export interface Usage {
  readonly microseconds: number;
  /** CPU time of the process so far. */
  readonly cpu: number;
  /** Resident set, after a garbage collection. */
  readonly rss: number;
}

let server: BenchServer;
let publisher: Publisher;

async function start({ file, ...options }: ServerOptions & { file: string }): Promise<number> {
  const module = (await import(`../servers/${file}.js`)) as { start: StartServer };
  server = await module.start(options);
  publisher = new Publisher(server, options.topics, options.events);
  const { http, port } = server;
  if (!http) return port!;
  if (!http.listening) await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', 4096, resolve));
  return (http.address() as AddressInfo).port;
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const other = server.footprint?.() ?? { cpu: 0, rss: 0 };
  return {
    microseconds: microseconds(),
    cpu: user + system + other.cpu,
    rss: process.memoryUsage.rss() + other.rss,
  };
}

/** What the process holds when it has nothing to do. */
async function settled(): Promise<Usage> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc!();
    await delay(250);
  }
  return usage();
}

answer({
  start,
  usage,
  settled,
  saturate: (options: Parameters<Publisher['saturate']>[0]) => publisher.saturate(options),
  rate: (options: Parameters<Publisher['rate']>[0]) => publisher.rate(options),
  publish: (count: number) => publisher.send(count),
  burst: (count: number) => publisher.burst(count),
  alone: (options: Parameters<Publisher['alone']>[0]) => publisher.alone(options),
  received: (through: number) => publisher.received(through),
  /** Resolves once so many clients are known to read the first topic. */
  untilPresent: async (count: number) => {
    while (server.present!(0) !== count) await delay(5);
  },
  position: () => server.position?.(),
});
