import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { keepTickObject } from './tick-objects.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What Node makes for the calls of `process.nextTick` in `run`. */
function ticksOf(run: () => void): WeakRef<object>[] {
  const ticks: WeakRef<object>[] = [];
  const hook = createHook({
    init: (_id, type, _trigger, resource: object) => {
      if (type === 'TickObject') ticks.push(new WeakRef(resource));
    },
  }).enable();
  run();
  hook.disable();
  return ticks;
}

describe('The object of a tick', () => {
  it('is kept through collections, once, and others are not', async () => {
    const [other] = ticksOf(() => process.nextTick(() => undefined));
    const [kept] = ticksOf(keepTickObject);
    const [second] = ticksOf(keepTickObject);
    await turn();
    await turn();
    collect();
    expect([other, kept, second].map((tick) => tick!.deref() !== undefined)).toEqual([false, true, false]);
  });
});
