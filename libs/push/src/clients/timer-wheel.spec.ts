import { setImmediate as turn } from 'node:timers/promises';
import { TimerWheel } from './timer-wheel.js';

describe('The heartbeats of all connections', () => {
  it('come in time also where each turn of the event loop takes longer than a slot', async () => {
    const wheel = new TimerWheel({ heartbeat: 300 });
    let heartbeats = 0;
    const target = { heartbeat: () => void heartbeats++ };
    wheel.add(target);
    let turns = 0;
    for (; heartbeats < 3; turns++) {
      // A slot has 5 ms.
      for (const began = performance.now(); performance.now() < began + 20;);
      await turn();
    }
    wheel.remove(target);
    // That is 45 turns. By the number of timers that Node calls, it were 180.
    expect(turns).toBeLessThan(100);
    expect(wheel.size).toBe(0);
  });

  it('are spread over the interval in the order of joining, and end with the connection', async () => {
    const wheel = new TimerWheel({ heartbeat: 120 });
    const order: string[] = [];
    const join = (name: string) => {
      const target = { heartbeat: () => void order.push(name) };
      wheel.add(target);
      return target;
    };
    const first = join('first');
    for (const began = performance.now(); performance.now() < began + 60;) await turn();
    const second = join('second');
    while (order.length < 4) await turn();
    expect(order.slice(0, 4)).toEqual(['first', 'second', 'first', 'second']);
    wheel.remove(first);
    const before = order.length;
    while (order.length < before + 2) await turn();
    expect(order.slice(before)).not.toContain('first');
    wheel.remove(second);
  });
});
