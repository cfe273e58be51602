import { setImmediate as turn } from 'node:timers/promises';
import { MemoryNode } from '../../../test/models/memory-node.js';
import type { Steps } from './stepped-work.js';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('Work that follows from what was read', () => {
  it('of many who were answered at the same moment is done turn by turn, each after what is live', async () => {
    const node = new MemoryNode();
    node.publish('a', ...numbers(100));
    const live = node.connect();
    live.cursor.subscribe(['live'], 'now');
    let done = 0;
    /** Written in one go, it takes a while. */
    function* slow(): Steps<number> {
      yield 1;
      for (const began = performance.now(); performance.now() < began + 3;);
      return ++done;
    }
    const answers = numbers(50).map(async () => {
      await node.hub.older({ topic: 'a', limit: 50 });
      return node.hub.inTurns(slow());
    });
    for (let published = 0; done < 50; published++) {
      node.publish('live', published);
      const before = done;
      await turn();
      // A turn has 10 ms; it may be that two of them are between.
      expect(done - before).toBeLessThanOrEqual(8);
    }
    expect((await Promise.all(answers)).toSorted((one, another) => one - another)).toEqual(numbers(50));
    await node.delivered();
    expect(live.story.length).toBeGreaterThanOrEqual(5);
    expect([node.log.answers.size, node.log.scheduler.size]).toEqual([0, 0]);
  });

  it('is charged to its client, and waits for its budget', async () => {
    const node = new MemoryNode();
    let spent = 0;
    const budget = { delay: 5, spend: (units: number) => (spent += units) };
    function* steps(): Steps<string> {
      for (const _ of numbers(10)) yield 7;
      return 'done';
    }
    let result: string | undefined;
    const working = node.hub.inTurns(steps(), { budget }).then((value) => (result = value));
    for (let turns = 0; turns < 3; turns++) await turn();
    expect([result, spent]).toEqual([undefined, 0]);
    budget.delay = 0;
    await working;
    expect([result, spent]).toEqual(['done', 70]);
  });

  it('rejects with what a step throws, when it is given up, and when the node ends', async () => {
    const node = new MemoryNode();
    const failure = new Error('no');
    function* failing(): Steps<void> {
      yield 1;
      throw failure;
    }
    function* endless(): Steps<void> {
      for (;;) yield 1_000;
    }
    await expect(node.hub.inTurns(failing())).rejects.toBe(failure);
    const gone = new AbortController();
    const given = node.hub.inTurns(endless(), { signal: gone.signal });
    const ended = node.hub.inTurns(endless());
    await turn();
    gone.abort();
    node.hub.close();
    await expect(given).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(ended).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(node.hub.inTurns(endless(), { signal: gone.signal })).rejects.toMatchObject({
      code: 'CLOSED',
    });
    expect([node.log.answers.size, node.log.scheduler.size]).toEqual([0, 0]);
  });
});
