import { setTimeout as delay } from 'node:timers/promises';
import type { Comparison } from '../backplanes/comparison.js';
import { Crowd, type Gathering } from './crowd.js';

/** Each client gets an event so often, in seconds. */
const every = 5;

/** Clients of one room. */
const perRoom = 200;

/** Milliseconds that all stay, before and after a process is killed. */
const stay = 20_000;

/**
 * Many clients over six server processes of one machine, on one Redis: they come in, stay, get an event every five seconds, and one
 * process is killed. Coming in and memory are compared with `node:http` by hand in as many processes.
 */
export async function compareCrowds(clients: number): Promise<Comparison[]> {
  const rooms = Math.ceil(clients / perRoom);
  const raw = await Crowd.run('bare', (crowd) => crowd.gather(clients, rooms));
  return Crowd.run('push', async (crowd) => {
    const ours = await crowd.gather(clients, rooms);
    crowd.publish(rooms, rooms / every);
    const quiet = await crowd.watch(stay);
    const back = await crowd.kill();
    await delay(stay / 2);
    const missing = await crowd.missing(await crowd.stop());
    const tallies = await crowd.tallies();
    const sum = (of: 'lost' | 'repeated' | 'gaps' | 'refused') =>
      tallies.reduce((all, each) => all + each[of], 0);
    const row = (what: string, unit: string, figure: number, target = ''): Comparison => ({
      ...{ kind: 'redis', what, unit, ours: figure, target },
    });
    return [
      ...gathered(clients, ours, raw),
      row(`an event every ${every} s for each, all server processes`, 'CPU s a second', quiet.cpu),
      row('publish to receipt, p50', 'ms', quiet.p50),
      row('publish to receipt, p99', 'ms', quiet.p99),
      row('while they stay, all server processes', 'MB', quiet.rss / 1e6),
      row('one process killed and replaced, until all are back', 's', back),
      row('told to go elsewhere meanwhile', 'answers', sum('refused')),
      row('passed over without a gap', 'events', sum('lost'), '0'),
      row('not there 20 s after the last was published', 'events', missing, '0'),
      row('came twice', 'events', sum('repeated'), '0'),
      row('gaps', 'notices', sum('gaps')),
    ];
  });
}

function gathered(clients: number, ours: Gathering, raw: Gathering): Comparison[] {
  const rows: readonly [string, string, keyof Gathering, number][] = [
    [`${clients.toLocaleString('en')} clients come in`, 's', 'seconds', 1],
    ['server processes, for each that comes in', 'CPU ms', 'cpu', 1e3 / clients],
    ['resident memory of a client', 'kB', 'resident', 1 / 1e3],
    ['the same after a garbage collection', 'kB', 'settled', 1 / 1e3],
  ];
  return rows.map(([what, unit, of, scale]) => ({
    ...{ kind: 'redis', what, unit, target: '' },
    ...{ ours: ours[of] * scale, raw: raw[of] * scale },
  }));
}
