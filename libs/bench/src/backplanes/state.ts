import { Redis } from 'ioredis';
import { median, type Comparison } from './comparison.js';
import type { Kind } from './server.js';
import { Trial } from './trial.js';

const turns = 3;
const topics = 10_000;

/** What state topics cost the backplane, over plain topics of the same server. */
export async function stateTopics(kind: Kind, milliseconds: number): Promise<Comparison[]> {
  const [plain, state] = await Trial.run(kind, (first) =>
    Trial.run(kind, async (second) => {
      const ways = [await first.node(), await second.node({ state: true })];
      const figures: number[][] = [[], []];
      for (const { remote } of ways) await remote.call('saturate', milliseconds / 2);
      for (let turn = 0; turn < turns; turn++)
        for (const [way, { remote }] of ways.entries())
          figures[way]!.push(await remote.call<number>('saturate', milliseconds));
      return figures.map(median);
    }),
  );
  const what = 'awaited publishes to state topics; raw: to plain ones';
  const published = { kind, what, unit: 'a second', target: '≥ 0.7 of plain', ours: state!, raw: plain! };
  return kind === 'redis' ? [published, await memory()] : [published];
}

/** Memory of Redis for a topic with one event. */
async function memory(): Promise<Comparison> {
  const [raw, ours] = [await bytesOf(false), await bytesOf(true)];
  const what = `memory of the server for ${topics.toLocaleString('en')} state topics; raw: plain ones`;
  return { kind: 'redis', what, unit: 'bytes a topic', target: '≤ 1.2 of plain', ours, raw };
}

function bytesOf(state: boolean): Promise<number> {
  return Trial.run('redis', async (trial) => {
    const { remote } = await trial.node({ state });
    const client = new Redis(trial.target.port);
    try {
      const before = await usedMemory(client);
      await remote.call('fill', topics);
      return ((await usedMemory(client)) - before) / topics;
    } finally {
      client.disconnect();
    }
  });
}

async function usedMemory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
}
