import { Bench } from '../bench.js';
import type { Peer } from '../peers.js';
import type { Scenario } from '../scenario.js';
import type { Usage } from '../server/host.js';
import { join } from './join.js';

const topics = 10_000;

/** What state topics cost the application, over plain topics of the same server. */
export const state: Scenario = {
  name: 'state',
  title: `State topics beside plain ones: ${topics.toLocaleString('en')} topics, each with an event`,
  columns: [
    { key: 'plain', title: 'plain, events a CPU second' },
    { key: 'state', title: 'state' },
    { key: 'ratio', title: 'state ÷ plain', digits: 2 },
    { key: 'removals', title: 'removals a CPU second' },
    { key: 'plainBytes', title: 'plain, bytes a topic' },
    { key: 'stateBytes', title: 'state' },
    { key: 'memoryRatio', title: 'state ÷ plain', digits: 2 },
  ],
  peers: ['push-sse'],
  quickPeers: ['push-sse'],
  measure: async (peer, { run }) => {
    const plain = await publishing(peer, false, run);
    const own = await publishing(peer, true, run);
    return {
      plain: plain.published,
      state: own.published,
      ratio: own.published / plain.published,
      removals: own.removed,
      plainBytes: plain.bytes,
      stateBytes: own.bytes,
      memoryRatio: own.bytes / plain.bytes,
    };
  },
};

/** Memory of the first event of each topic, then events a CPU second to topics that are there. */
function publishing(peer: Peer, isState: boolean, milliseconds: number) {
  return Bench.run(peer, { topics, state: isState, retained: 1 }, async ({ server }) => {
    const before = await server.call<Usage>('settled');
    await server.call('publish', topics);
    const after = await server.call<Usage>('settled');
    const alone = { listener: false, awaited: true, milliseconds };
    // Compilers need some work before they are done.
    await server.call('alone', { ...alone, milliseconds: milliseconds / 2 });
    const published = await server.call<number>('alone', alone);
    const removed = isState ? await server.call<number>('alone', { ...alone, removes: true }) : 0;
    return { published, removed, bytes: (after.rss - before.rss) / topics };
  });
}

const states = 1_000;
const joins = 40;

/** A newcomer gets the newest event of each topic, as state and as `from=last` of plain topics. */
export const joining: Scenario = {
  name: 'joining',
  title: `Joining: a client gets ${states.toLocaleString('en')} states`,
  columns: [
    { key: 'kilobytes', title: 'kB' },
    { key: 'first', title: 'ms, the first client', digits: 2 },
    { key: 'milliseconds', title: 'ms, median of the next', digits: 2 },
    { key: 'cpu', title: 'server CPU ms', digits: 2 },
    { key: 'plainCpu', title: 'plain topics', digits: 2 },
    { key: 'ratio', title: 'state ÷ plain', digits: 2 },
  ],
  peers: ['push-sse', 'push-sse-express'],
  quickPeers: ['push-sse'],
  measure: async (peer) => {
    const plain = await joined(peer, false);
    const own = await joined(peer, true);
    return { ...own, plainCpu: plain.cpu, ratio: own.cpu / plain.cpu };
  },
};

function joined(peer: Peer, isState: boolean) {
  return Bench.run(peer, { topics: states, state: isState }, async ({ server, port }) => {
    await server.call('publish', states);
    const path = '/push/events?topic=bench.*&from=last';
    const first = await join(port, path, states);
    const used = await server.call<Usage>('usage');
    const all = [];
    for (let count = 0; count < joins; count++) all.push(await join(port, path, states));
    const { cpu } = await server.call<Usage>('usage');
    const times = all.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    return {
      kilobytes: first.bytes / 1e3,
      first: first.milliseconds,
      milliseconds: times[joins / 2]!,
      cpu: (cpu - used.cpu) / 1e3 / joins,
    };
  });
}
