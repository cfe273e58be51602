import { setTimeout as delay } from 'node:timers/promises';
import type { Remote } from '../remote.js';
import { median, type Comparison } from './comparison.js';
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
        const figures = await inTurns(ways, milliseconds);
        return (['p50', 'p99'] as const).flatMap((share) => {
          const of = (way: keyof typeof ways) => median(figures[way].map((each) => each[share])) / 1_000;
          const to = `from publish to a client of another node, ${pace} a second, ${share}`;
          const common = { kind, unit: 'ms', ours: of('ours') };
          return [
            { ...common, what: to, raw: of('raw'), target: targetOf(kind, share) },
            { ...common, what: `${to}; raw to a client too`, raw: of('relay'), target: '' },
          ];
        });
      }),
    ),
  );
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
 * Many short turns: a machine that stands still for 10 ms, as virtual ones do, spoils some of them, for whomever, and not
 * the median. Compilers need some seconds of the same work before they are done.
 */
async function inTurns<Name extends string>(
  ways: Readonly<Record<Name, Way>>,
  milliseconds: number,
): Promise<Record<Name, Latencies[]>> {
  const names = Object.keys(ways) as Name[];
  const figures = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Latencies[]>;
  for (const name of names)
    await ways[name].writer.call('pace', { perSecond: pace, milliseconds: milliseconds * 1.5 });
  for (let turn = 0; turn < milliseconds / 150; turn++) {
    for (const name of names) {
      const { writer, reader } = ways[name];
      await writer.call('pace', { perSecond: pace, milliseconds: 150 });
      await delay(50);
      await reader.call('reset');
      await writer.call('pace', { perSecond: pace, milliseconds: 500 });
      await delay(50);
      figures[name].push(await reader.call<Latencies>('latencies'));
    }
  }
  return figures;
}
