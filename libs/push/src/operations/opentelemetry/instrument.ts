import type { Attributes } from '@opentelemetry/api';
import type { GroupReading, HandlerCounts } from '../../handlers/handler-readings.js';
import type { Counts, TransportCounts } from '../../hub/counts.js';
import type { Observed as ObservedNode } from '../observed.js';

/** The names of attributes that the semantic conventions do not have. */
export const transport = 'nestjs_push.transport';
const rule = 'messaging.destination.template';
const consumers = 'messaging.consumer.group.name';

/** What is known when metrics are collected. */
export interface Observed extends ObservedNode {
  readonly lag: number | undefined;
  readonly handlers: Iterable<HandlerCounts>;
  readonly groups: readonly GroupReading[];
}

/** Values of an instrument, with the attributes of each. */
export type Values = Iterable<readonly [value: number, attributes?: Attributes]>;

/** An instrument, and how its values are read. */
export interface InstrumentDefinition {
  /** `counter` only grows, `sum` may be added up over nodes, `gauge` may not. */
  readonly kind: 'counter' | 'sum' | 'gauge';
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly read: (now: Observed) => Values;
}

/** Numbers by rule. Rules that nothing was counted for are left out. */
export function* byRule(counts: Counts, numbers: readonly number[], more: Attributes): Values {
  for (const [index, value] of numbers.entries())
    if (value > 0) yield [value, { ...more, [rule]: counts.rules[index]! }];
}

export function* byTransport(
  { transports }: Counts,
  read: (counts: TransportCounts, attributes: Attributes) => Values,
): Values {
  for (const [name, counts] of transports) yield* read(counts, { [transport]: name });
}

export function* byHandler(
  handlers: Iterable<HandlerCounts>,
  read: (counts: HandlerCounts) => number,
): Values {
  for (const counts of handlers) {
    const { handler, group } = counts;
    yield [
      read(counts),
      { 'nestjs_push.handler': handler, ...(group !== undefined && { [consumers]: group }) },
    ];
  }
}

export function byGroup(groups: readonly GroupReading[], read: (reading: GroupReading) => number): Values {
  return groups.map((reading) => [read(reading), { [consumers]: reading.group }] as const);
}
