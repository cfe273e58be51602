import assert from 'node:assert/strict';
import type { HistoryQuery } from '../contracts/backplane.js';
import { delivered, end, event, forgotten, put } from './ends-drafts.js';
import { readAll } from './history.contract.js';
import type { RecordedNode } from './recording-tail.js';

/** The tests of what a history has of topics that end. */
export function describeEndsHistory(node: () => Promise<RecordedNode>): void {
  const read = async (one: RecordedNode, topics: string[], more: Partial<HistoryQuery> = {}) => {
    await delivered(one);
    const { events, lost } = await readAll(one, { topics, limit: 3, ...more });
    return { ids: events.map(({ id }) => id!), lost: [...lost] };
  };
  const sequenceOf = (id: string) => Number(id.slice(id.lastIndexOf('-') + 1));

  it('reads an end like other events, and as the newest one', async () => {
    const one = await node();
    const ids = [
      await put(one, event('ends.a', 1)),
      await put(one, event('ends.b', 1)),
      await put(one, event('ends.a', 2)),
      await put(one, end('ends.a')),
      await put(one, event('ends.b', 2)),
    ];
    assert.deepEqual(await read(one, ['ends.*']), { ids, lost: [] });
    assert.deepEqual(await read(one, ['ends.*'], { newest: 1 }), { ids: ids.slice(3), lost: [] });
    assert.deepEqual(await read(one, ['ends.a'], { newest: 2 }), { ids: ids.slice(2, 4), lost: [] });
    const after = sequenceOf(ids[3]!);
    assert.deepEqual(await read(one, ['ends.a'], { after }), { ids: [], lost: [] });
  });

  it('keeps an end when the events before it are too old', async () => {
    const one = await node();
    const old = [await put(one, event('ends.aging.a', 1)), await put(one, event('ends.aging.a', 2))];
    const ended = await put(one, end('ends.aging.a'));
    let page = await read(one, ['ends.>']);
    for (; page.ids.length > 1; page = await read(one, ['ends.>'])) assert.equal(page.ids.at(-1), ended);
    const lost = sequenceOf(old[1]!);
    assert.deepEqual(page, { ids: [ended], lost: [['ends.>', lost]] });
    assert.deepEqual(await read(one, ['ends.aging.a']), { ids: [ended], lost: [['ends.aging.a', lost]] });
    assert.deepEqual(await read(one, ['ends.aging.a'], { newest: 1 }), { ids: [ended], lost: [] });
    assert.deepEqual(await read(one, ['ends.aging.a'], { after: lost }), { ids: [ended], lost: [] });
    await assert.rejects(put(one, event('ends.aging.a', 3)), { code: 'ENDED' });
  });

  it('keeps an end however much is published elsewhere', async () => {
    const one = await node();
    const ended = await put(one, end('ends.a'));
    await Promise.all(Array.from({ length: 200 }, (_, n) => put(one, event(`plain.${n % 3}`, n))));
    assert.deepEqual(await read(one, ['ends.>']), { ids: [ended], lost: [] });
  });

  it('has nothing of what a removal has taken away, which is not lost', async () => {
    const one = await node();
    const before = [await put(one, event('ends.ended', 1)), await put(one, event('plain', 1))];
    for (let n = 0; n < 12; n++) await put(one, event('ends.running', n));
    await put(one, end('ends.ended'));
    const after = [
      await put(one, forgotten('ends.ended')),
      await put(one, forgotten('ends.running')),
      await put(one, event('ends.ended', 2)),
      await put(one, event('ends.running', 12)),
      await put(one, event('ends.ended', 3)),
    ];
    const all = { ids: [before[1]!, ...after], lost: [] };
    const ends = { ids: after, lost: [] };
    for (const limit of [1, 2, 100]) {
      assert.deepEqual(await read(one, ['ends.*', 'plain'], { limit }), all, `limit ${limit}`);
      assert.deepEqual(await read(one, ['ends.ended', 'ends.running'], { limit }), ends, `limit ${limit}`);
      const from = { limit, after: sequenceOf(before[0]!) };
      assert.deepEqual(await read(one, ['ends.*'], from), ends, `limit ${limit}`);
    }
    assert.deepEqual(await read(one, ['ends.*'], { newest: 1 }), { ids: after.slice(3), lost: [] });
    assert.deepEqual(await read(one, ['ends.running'], { newest: 5 }), {
      ids: [after[1], after[3]],
      lost: [],
    });
    assert.deepEqual(await read(one, ['ends.*'], { after: sequenceOf(after[1]!) }), {
      ids: after.slice(2),
      lost: [],
    });
  });

  it('keeps a removal for its time, however old; then it counts as lost, as any event', async () => {
    const one = await node();
    await put(one, end('ends.aging.a'));
    const kept = await put(one, forgotten('ends.aging.a'));
    const removed = await put(one, forgotten('ends.brief.a'));
    const old = await put(one, event('ends.aging.b', 1));
    let page = await read(one, ['ends.>']);
    for (; page.ids.includes(old); page = await read(one, ['ends.>'])) assert.ok(page.ids.includes(kept));
    for (; page.ids.includes(removed); page = await read(one, ['ends.>'])) assert.ok(page.ids.includes(kept));
    assert.deepEqual((await read(one, ['ends.>'])).ids, [kept]);
    assert.deepEqual(await read(one, ['ends.brief.a']), {
      ids: [],
      lost: [['ends.brief.a', sequenceOf(removed)]],
    });
    assert.deepEqual(await read(one, ['ends.aging.a']), { ids: [kept], lost: [] });
  });
}
