import { setTimeout as delay } from 'node:timers/promises';
import { median, type Comparison } from './comparison.js';
import { latency } from './latency.js';
import { outbox } from './outbox.js';
import { kinds, type Kind } from './server.js';
import { stateTopics } from './state.js';
import { Trial } from './trial.js';

/** How often each is measured in turn; the medians count. */
const turns = 3;
const flood = 200_000;
const idleClients = 1_000;

async function publishing(kind: Kind, milliseconds: number): Promise<Comparison> {
  return Trial.run(kind, async (trial) => {
    const ours = await trial.node();
    const raw = await trial.raw();
    // A node reads what there is while it publishes; here that is what the server does for whoever reads.
    if (kind === 'postgres') await trial.fork('./reader.js').remote.call('follow', trial.target);
    const figures: Record<'ours' | 'raw', number[]> = { ours: [], raw: [] };
    for (const { remote } of [ours, raw]) await remote.call('saturate', milliseconds / 2);
    for (let turn = 0; turn < turns; turn++) {
      figures.raw.push(await raw.remote.call<number>('saturate', milliseconds));
      figures.ours.push(await ours.remote.call<number>('saturate', milliseconds));
    }
    return {
      ...{ kind, what: 'awaited publishes, 256 at a time', unit: 'a second', target: targets[kind] },
      ...{ ours: median(figures.ours), raw: median(figures.raw) },
    };
  });
}

/** A node that stood still finds a log full of events: how fast it follows. */
async function ingest(kind: Kind): Promise<Comparison> {
  return Trial.run(kind, async (trial) => {
    const [writer, node] = [await trial.node(), await trial.node()];
    const clients = trial.fork('./reader.js');
    await clients.remote.call('connect', { port: node.port, clients: idleClients, topic: 'idle' });
    const figures: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      node.child.kill('SIGSTOP');
      await writer.remote.call('flood', flood);
      const end = await writer.remote.call<number>('head');
      const began = performance.now();
      node.child.kill('SIGCONT');
      while ((await node.remote.call<number>('head')) < end) await delay(5);
      figures.push((flood / (performance.now() - began)) * 1_000);
    }
    const what = `followed by a node with ${idleClients.toLocaleString('en')} idle clients`;
    return { kind, what, unit: 'events a second', target: '≥ 50,000', ours: median(figures) };
  });
}

/** What publishing has to reach. */
const targets = { redis: '≥ 0.7 of raw', nats: '≥ 0.7 of raw', postgres: '≥ 60,000, ≥ 0.5 of raw' };

/** Measures all backplanes that have a server, or some of them. */
export async function compareBackplanes(
  milliseconds: number,
  some: readonly string[] = kinds,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const kind of kinds.filter((each) => some.includes(each))) {
    comparisons.push(await publishing(kind, milliseconds));
    comparisons.push(...(await latency(kind, milliseconds)));
    comparisons.push(await ingest(kind));
    comparisons.push(...(await stateTopics(kind, milliseconds)));
    if (kind === 'postgres') comparisons.push(...(await outbox(milliseconds)));
  }
  return comparisons;
}
