import {
  array,
  assert as check,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  record,
  tuple,
} from 'fast-check';
import { strict as assert } from 'node:assert';
import { duration, durations, rates, World } from '../../test/models/lease-world.js';
import { seed } from '../../test/models/seed.js';
import { ownerOf } from './ownership.js';

/*
 * What is promised of leases, for nodes that own items, are paused, cut off and killed, whose clocks run at different rates, whose
 * leases last for different times and change, and whose log is replaced: a node that is there is never taken over, what a dead one owned is taken over once, and nothing that it
 * still writes is stored after that. `World` checks that of every event. In the end the log has what live nodes own, no more.
 */

const node = nat(3);
const span = integer({ min: 30, max: 4 * duration });
const steps = oneof(
  {
    weight: 4,
    arbitrary: record({ kind: constant('run' as const), span: integer({ min: 30, max: duration }) }),
  },
  { weight: 4, arbitrary: record({ kind: constant('own' as const), node }) },
  { weight: 3, arbitrary: record({ kind: constant('pause' as const), node, span, withholds: boolean() }) },
  { weight: 2, arbitrary: record({ kind: constant('cut' as const), node, span }) },
  {
    weight: 2,
    arbitrary: record({ kind: constant('ask' as const), node, lasts: constantFrom(...durations) }),
  },
  { weight: 2, arbitrary: record({ kind: constant('kill' as const), node }) },
  { weight: 1, arbitrary: record({ kind: constant('start' as const), rate: constantFrom(...rates) }) },
  { weight: 1, arbitrary: record({ kind: constant('replace' as const) }) },
);
const scripts = tuple(
  array(constantFrom(...rates), { minLength: 2, maxLength: 4 }),
  array(steps, { minLength: 10, maxLength: 40 }),
);

type Step = typeof steps extends { generate: (...args: never[]) => { value: infer Value } } ? Value : never;

async function play(world: World, step: Step, items: { count: number }): Promise<void> {
  const chosen = 'node' in step ? world.nodes[step.node % world.nodes.length]! : undefined;
  switch (step.kind) {
    case 'run':
      return world.run(step.span);
    case 'own':
      if (!chosen!.isDead) chosen!.items.set(`items.${items.count++}`, 'unwritten');
      return;
    case 'pause':
      return chosen!.pause(step.span, step.withholds);
    case 'cut':
      return chosen!.cut(step.span);
    case 'ask':
      if (!chosen!.isDead) chosen!.ask(step.lasts);
      return;
    case 'kill':
      return chosen!.kill();
    case 'start':
      if (world.nodes.length < 8) world.add(step.rate);
      return;
    case 'replace':
      return world.open();
  }
}

it('Leases hold for those who are there, and lapse once for those who are not', async () => {
  let takeovers = 0;
  await check(
    asyncProperty(scripts, async ([clocks, script]) => {
      const world = new World();
      for (const rate of clocks) world.add(rate);
      const items = { count: 0 };
      for (const step of script) await play(world, step, items);
      // Somebody has to be there to take over.
      world.add(1);
      await world.run(12 * Math.max(...durations));

      const living = world.nodes.filter(({ isDead }) => !isDead);
      assert.deepEqual(
        living.flatMap(({ missing }) => missing),
        [],
      );
      const incarnations = new Set(living.map(({ lease }) => lease.incarnation));
      const owned = [...world.newest.values()].filter((event) => ownerOf(event) !== undefined);
      assert.deepEqual(
        owned.filter((event) => !incarnations.has(ownerOf(event)!)).map(({ topic }) => topic),
        [],
      );
      takeovers += world.removals;
    }),
    { seed, numRuns: 100 },
  );
  // The scripts are not all harmless.
  assert.ok(takeovers > 50, `${takeovers} takeovers`);
}, 120_000);
