import { median } from './backplanes/comparison.js';
import { Bench } from './bench.js';
import type { Peer } from './peers.js';
import type { ServerOptions } from './server/contract.js';

/** A server, and what it is started with. */
interface Served {
  readonly peer: Peer;
  readonly options: Omit<ServerOptions, 'platform' | 'carrier'>;
}

/** Runs `use` with a server of each, all at once, so that they can take turns. */
export function together<Result>(
  [served, ...others]: readonly Served[],
  use: (benches: readonly Bench[]) => Promise<Result>,
  benches: readonly Bench[] = [],
): Promise<Result> {
  if (!served) return use(benches);
  return Bench.run(served.peer, served.options, (bench) => together(others, use, [...benches, bench]));
}

/**
 * Measures each in many short turns, in the other order each time: what disturbs the machine disturbs all.
 *
 * @returns what each has shown, turn by turn
 */
export async function inTurns<Shown>(
  benches: readonly Bench[],
  rounds: number,
  measure: (bench: Bench) => Promise<Shown>,
): Promise<Shown[][]> {
  const all = benches.map((bench) => ({ bench, shown: [] as Shown[] }));
  const order = [...all];
  for (let round = 0; round < rounds; round++) {
    for (const { bench, shown } of order) shown.push(await measure(bench));
    order.reverse();
  }
  return all.map(({ shown }) => shown);
}

/** How much more `own` is than `other`: the median of the ratios of the turns. */
export function medianRatio(own: readonly number[], other: readonly number[]): number {
  return median(own.map((value, turn) => value / other[turn]!));
}
