import type { Readings } from '../clients/readings.js';
import type { BackplaneStats } from '../contracts/backplane.js';
import type { Counts } from '../hub/counts.js';
import type { HubStats } from '../hub/hub.js';
import type { Delay } from './event-loop-delay.js';

/** The numbers of a node at one moment, without asking the backplane's server. */
export interface Observed {
  readonly counts: Counts;
  readonly stats: HubStats;
  readonly backplane: BackplaneStats | undefined;
  readonly errors: ReadonlyMap<string, number>;
  readonly handshakes: number;
  readonly turns: number;
  readonly delay: Delay | undefined;
}

/** Reads the numbers of a node. Takes time in proportion to the number of connections. */
export function observe(
  { hub, backplane, errors, handshakes, turns }: Readings,
  delay: Delay | undefined,
): Observed {
  return {
    counts: hub.counts,
    stats: hub.stats(),
    backplane: backplane.stats?.(),
    errors,
    handshakes,
    turns,
    delay,
  };
}
