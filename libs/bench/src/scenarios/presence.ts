import { Bench } from '../bench.js';
import type { Peer } from '../peers.js';
import type { Scale, Scenario } from '../scenario.js';
import type { Usage } from '../server/host.js';
import { join } from './join.js';

const members = 1_000;
const counted = 10_000;
const sign = Buffer.from('"topic":"$presence.');

/** A room that knows who is there: what it costs to come, to see everybody, and to come and go all the time. */
export const presence: Scenario = {
  name: 'presence',
  title: `Presence: a room of ${members.toLocaleString('en')} members`,
  columns: [
    { key: 'coming', title: 'CPU µs of a client that comes' },
    { key: 'without', title: 'without presence' },
    { key: 'ratio', title: 'ratio', digits: 2 },
    { key: 'counted', title: `counts, ${counted.toLocaleString('en')} clients` },
    { key: 'kilobytes', title: 'kB, all members' },
    { key: 'milliseconds', title: 'ms', digits: 2 },
    { key: 'joins', title: 'churn: joins a second' },
    { key: 'grown', title: 'MB grown', digits: 1 },
  ],
  peers: ['push-ws'],
  quickPeers: [],
  measure: async (peer, scale) => {
    const without = await coming(peer, undefined, members);
    const room = await coming(peer, true, members);
    const counts = await coming(peer, { counts: true }, counted);
    const { kilobytes, milliseconds } = room;
    const figures = { coming: room.cpu, without: without.cpu, ratio: room.cpu / without.cpu };
    return { ...figures, counted: counts.cpu, kilobytes, milliseconds, ...(await churn(peer, scale)) };
  },
};

type Presence = true | { readonly counts: true } | undefined;

/** Clients come until everybody is known, and one more reads who they are. */
function coming(peer: Peer, option: Presence, count: number) {
  return Bench.run(peer, { topics: 1, presence: option }, async (bench) => {
    await bench.open(count / 10);
    const used = await bench.usage();
    await bench.open(count - count / 10);
    if (option) await bench.server.call('untilPresent', count);
    const { cpu } = await bench.usage();
    const path = `/push/events?topic=${encodeURIComponent('$presence.bench.0.>')}&from=last`;
    const isListed = option === true;
    const { bytes, milliseconds } = isListed
      ? await join(bench.port, path, count, sign)
      : { bytes: 0, milliseconds: 0 };
    return { cpu: (cpu - used.cpu) / (0.9 * count), kilobytes: bytes / 1e3, milliseconds };
  });
}

/** All members of a room come and go, again and again: what is left when nobody is there. */
function churn(peer: Peer, { run }: Scale) {
  return Bench.run(peer, { topics: 1, presence: true }, async (bench) => {
    const round = async () => {
      await bench.open(members);
      await bench.clients.call('close');
    };
    await round();
    await bench.server.call('untilPresent', 0);
    const before = await bench.server.call<Usage>('settled');
    const start = performance.now();
    let joins = 0;
    for (; performance.now() - start < 20 * run; joins += members) await round();
    const seconds = (performance.now() - start) / 1_000;
    await bench.server.call('untilPresent', 0);
    const after = await bench.server.call<Usage>('settled');
    return { joins: joins / seconds, grown: (after.rss - before.rss) / 1e6 };
  });
}
