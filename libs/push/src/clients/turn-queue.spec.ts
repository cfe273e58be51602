import { setImmediate as turn } from 'node:timers/promises';
import { TurnQueue } from './turn-queue.js';

/** Does what takes so many milliseconds, whatever else the machine does. */
function work(milliseconds: number): void {
  for (const began = performance.now(); performance.now() < began + milliseconds;);
}

describe('A queue for turns of the event loop', () => {
  it('lets a caller go on at once while there is time, and the others later, in order', async () => {
    const queue = new TurnQueue();
    expect(queue.wait()).toBeUndefined();
    work(11);
    const order: number[] = [];
    const all = [1, 2, 3].map((n) => queue.wait()!.then(() => order.push(n)));
    expect(order).toEqual([]);
    await Promise.all(all);
    expect(order).toEqual([1, 2, 3]);
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(queue.wait()).toBeUndefined();
  });

  it('admits, of many that come at the same moment, as many in a turn as it has time for', async () => {
    const queue = new TurnQueue();
    let done = 0;
    const all = Array.from({ length: 60 }, async () => {
      await queue.next();
      work(3);
      done++;
    });
    while (done < 60) {
      const before = done;
      await turn();
      // At most the end of one turn, and the beginning of the next: each has 10 ms.
      expect(done - before).toBeLessThanOrEqual(8);
    }
    await Promise.all(all);
  });
});
