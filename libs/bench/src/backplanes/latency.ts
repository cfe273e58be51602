import { setTimeout as delay } from 'node:timers/promises';
import type { Remote } from '../remote.js';
import { median, quartiles, type Comparison } from './comparison.js';
import type { Kind } from './server.js';
import { Trial } from './trial.js';

/** Events a second. */
const pace = 1_000;

/** Who writes and who receives. */
interface Way {
  readonly writer: Remote;
  readonly reader: Remote;
}

/**
 * How long events take: through the backplane and a node to a client, through the server's own client alone, and through
 * that and a bare stream to the same client. Each way has a server of its own.
 */
export async function latency(kind: Kind, milliseconds: number): Promise<Comparison[]> {
  return Trial.run(kind, (first) =>
    Trial.run(kind, (second) =>
      Trial.run(kind, async (third) => {
        const ways = { ours: await ourWay(first), raw: await rawWay(second), relay: await relayWay(third) };
        const turns = await inTurns(ways, milliseconds);
        return (['p50', 'p99'] as const).flatMap((share) => comparisonsOf(kind, turns, share));
      }),
    ),
  );
}

/** Ours over raw, and over raw that writes to a client, which is the least that any push server does. */
function comparisonsOf(
  kind: Kind,
  turns: readonly Record<'ours' | 'raw' | 'relay', Latencies>[],
  share: 'p50' | 'p99',
): Comparison[] {
  const of = (way: 'ours' | 'raw' | 'relay') => median(turns.map((turn) => turn[way][share])) / 1_000;
  const over = (way: 'raw' | 'relay') => {
    const ratios = turns.map((turn) => turn.ours[share] / turn[way][share]);
    return { raw: of(way), ratio: median(ratios), spread: quartiles(ratios) };
  };
  const what = `from publish to a client of another node, ${pace} a second, ${share}`;
  const common = { kind, unit: 'ms', ours: of('ours') };
  return [
    { ...common, ...over('raw'), what, target: targetOf(kind, share) },
    { ...common, ...over('relay'), what: `${what}; raw to a client too`, target: '' },
  ];
}

/** What it has to reach, for people. */
function targetOf(kind: Kind, share: 'p50' | 'p99'): string {
  if (kind === 'postgres') return share === 'p50' ? '≤ 3 ms' : '';
  return share === 'p99' ? '≤ 1.5 × raw' : '';
}

async function ourWay(trial: Trial): Promise<Way> {
  const [writer, node, reader] = [await trial.node(), await trial.node(), trial.fork('./reader.js')];
  await reader.remote.call('listen', { port: node.port, path: '/push/events?topic=bench.*' });
  return { writer: writer.remote, reader: reader.remote };
}

async function rawWay(trial: Trial): Promise<Way> {
  const [writer, reader] = [await trial.raw(), trial.fork('./reader.js')];
  await reader.remote.call('follow', trial.target);
  return { writer: writer.remote, reader: reader.remote };
}

async function relayWay(trial: Trial): Promise<Way> {
  const [writer, relay, reader] = [await trial.raw(), trial.fork('./node.js'), trial.fork('./reader.js')];
  const port = await relay.remote.call<number>('startRelay', trial.target);
  await reader.remote.call('listen', { port, path: '/' });
  return { writer: writer.remote, reader: reader.remote };
}

type Latencies = Readonly<Record<'p50' | 'p99', number>>;

/**
 * Many short turns, in each of which every way is measured once: a machine that stands still for 10 ms, as virtual ones do, spoils
 * some of them, for whomever, and not the median of what the ways of one turn were to each other. All processes stay up, and only
 * the traffic changes. Compilers need some thousand events before they are done.
 */
async function inTurns<Name extends string>(
  ways: Readonly<Record<Name, Way>>,
  milliseconds: number,
): Promise<Record<Name, Latencies>[]> {
  const names = Object.keys(ways) as Name[];
  for (const name of names) await ways[name].writer.call('pace', { perSecond: 5 * pace, milliseconds });
  const turns: Record<Name, Latencies>[] = [];
  for (let turn = 0; turn < milliseconds / 60; turn++) {
    const figures: [Name, Latencies][] = [];
    // No way comes always after the same one.
    const start = turn % names.length;
    for (const name of [...names.slice(start), ...names.slice(0, start)])
      figures.push([name, await latenciesOf(ways[name])]);
    turns.push(Object.fromEntries(figures) as Record<Name, Latencies>);
  }
  return turns;
}

async function latenciesOf({ writer, reader }: Way): Promise<Latencies> {
  await writer.call('pace', { perSecond: pace, milliseconds: 50 });
  await reader.call('reset');
  await writer.call('pace', { perSecond: pace, milliseconds: 300 });
  await delay(20);
  return reader.call<Latencies>('latencies');
}
