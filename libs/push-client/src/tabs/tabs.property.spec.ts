import { jest } from '@jest/globals';
import fc from 'fast-check';
import { TabRun, type TabReader } from '../../test/models/tab-run.js';

/** How many things happen in a run. */
const steps = 600;

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function expectOnceAndInOrder({ pattern, from, ids }: TabReader, { server }: TabRun): void {
  const all = server.ids(pattern);
  const first = ids.length > 0 ? all.indexOf(ids[0]!) : 0;
  expect(ids).toEqual(all.slice(first, first + ids.length));
  if (from === 'earliest') expect(first).toBe(0);
}

it('Tabs that share a connection miss nothing, however they come, go, freeze and are cut off', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const below = random(seed);
      jest.clearAllTimers();
      jest.setSystemTime(1e12);
      jest.spyOn(Math, 'random').mockImplementation(() => below(1e9) / 1e9);
      const run = new TabRun(below);
      await run.wild(steps);
      await run.calm();
      expect(run.errors).toEqual([]);
      for (const reader of run.all) expectOnceAndInOrder(reader, run);
      for (const { pattern, state, ids } of run.active) {
        expect(state).toBe('live');
        if (ids.length > 0) expect(ids.at(-1)).toBe(run.server.ids(pattern).at(-1));
      }
      expect(run.server.subscriptions).toEqual(run.wanted);
      run.close();
    }),
    { numRuns: 100, endOnFailure: true },
  );
}, 300_000);
