import { append, numbers, restarted } from '../../../test/models/late-node.js';
import { MemoryNode } from '../../../test/models/memory-node.js';
import type { MemoryLog } from '../../testing/memory-log.js';
import type { OlderPage } from './older-events.js';

const dataOf = ({ events }: OlderPage) => events.map(({ data }) => Number(data));

/** A node that starts over a log with a past, and what it asks the backplane. */
function nodeOver(past: (log: MemoryLog) => void) {
  const { log, hub, nodeLog, history } = restarted(past, { retention: { events: 5_000, age: Infinity } });
  return { log, hub, nodeLog, queries: history.queries };
}

describe('A page of the past', () => {
  it('comes from the window where that has it, and the backplane is not asked', async () => {
    const { log, hub, queries } = nodeOver(() => undefined);
    append(log, 'a', numbers(20));
    const newest = await hub.older({ topic: 'a', limit: 15 });
    const older = await hub.older({ topic: 'a', limit: 15, before: newest.before });
    expect([dataOf(newest), dataOf(older), older.before, older.gap]).toEqual([
      numbers(15, 6),
      numbers(5),
      undefined,
      undefined,
    ]);
    expect(queries).toEqual([]);
  });

  it('is read once for all who ask the same, and is no longer than it was asked for', async () => {
    const { hub, queries } = nodeOver((log) => append(log, 'a', numbers(500)));
    const pages = await Promise.all(numbers(50).map(() => hub.older({ topic: 'a', limit: 30 })));
    for (const page of pages) expect(dataOf(page)).toEqual(numbers(30, 471));
    expect(queries.length).toBe(1);
    expect(hub.stats().history).toMatchObject({ reading: 0, waiting: 0 });
  });

  it('joins what the window has and what the backplane has, without a hole or a repeat', async () => {
    const { log, hub } = nodeOver((past) => {
      append(past, 'a', numbers(300));
      append(past, 'b', numbers(300));
    });
    append(log, 'a', numbers(10, 301));
    const found: number[] = [];
    let before: string | undefined;
    do {
      const page = await hub.older({ topic: 'a', limit: 7, before });
      found.unshift(...dataOf(page));
      ({ before } = page);
    } while (before);
    expect(found).toEqual(numbers(310));
  });

  it.each([1, 2, 3, 10])(
    'goes on in the backplane where the window has exactly as many as are asked for: %i',
    async (limit) => {
      const { log, hub } = nodeOver((past) => append(past, 'a', numbers(30)));
      append(log, 'a', numbers(limit, 31));
      const found: number[] = [];
      let before: string | undefined;
      do {
        const page = await hub.older({ topic: 'a', limit, before });
        found.unshift(...dataOf(page));
        ({ before } = page);
      } while (before);
      expect(found).toEqual(numbers(30 + limit));
    },
  );

  it('waits for its client to have work again, and is not refused', async () => {
    const { hub, nodeLog } = nodeOver((log) => append(log, 'a', numbers(5)));
    const budget = { spent: 0, delay: 5, spend: (units: number) => (budget.spent += units) };
    let isThere = false;
    const page = hub.older({ topic: 'a', limit: 5, budget }).finally(() => (isThere = true));
    expect([nodeLog.scheduler.size, isThere]).toEqual([1, false]);
    budget.delay = 0;
    expect(dataOf(await page)).toEqual(numbers(5));
    expect(budget.spent).toBeGreaterThan(256);
  });

  it('leaves nothing when it is given up, when another log takes the place, and when all ends', async () => {
    const { hub, nodeLog } = nodeOver((log) => append(log, 'a', numbers(5)));
    const gone = new AbortController();
    const given = hub.older({ topic: 'a', limit: 5, signal: gone.signal });
    gone.abort();
    await expect(given).rejects.toMatchObject({ code: 'CLOSED' });
    const replaced = hub.older({ topic: 'a', limit: 5 });
    hub.open({ epoch: 'another', sequence: 0 });
    await expect(replaced).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const budget = { delay: 1_000, spend: () => undefined };
    const ended = hub.older({ topic: 'a', limit: 5, budget });
    hub.close();
    await expect(ended).rejects.toMatchObject({ code: 'CLOSED' });
    expect([nodeLog.answers.size, nodeLog.scheduler.size]).toEqual([0, 0]);
  });

  it('is for a state topic its newest event', async () => {
    const node = new MemoryNode({ rules: [{ pattern: 's', state: true }] });
    node.publish('s', 1, 2);
    expect(dataOf(await node.hub.older({ topic: 's', limit: 5 }))).toEqual([2]);
  });
});
