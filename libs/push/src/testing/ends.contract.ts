import assert from 'node:assert/strict';
import { endMeta, isEnd } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import type { Draft } from '../contracts/event.js';
import type { RetentionRules } from '../contracts/retention.js';
import { delivered, end, event, forgotten, put } from './ends-drafts.js';
import { describeEndsHistory } from './ends-history.contract.js';
import { briefTtl, endsSuiteRules } from './ends-rules.js';
import type { RecordedNode } from './recording-tail.js';

type Node = () => Promise<RecordedNode>;

/** The tests of a backplane whose topics can end. */
export function describeEnds(
  start: (retention: RetentionRules) => Promise<RecordedNode>,
  { shared, history }: { readonly shared: boolean; readonly history: boolean },
): void {
  const node: Node = () => start(endsSuiteRules);
  describeEnding(node);
  if (shared) describeEndsOfManyNodes(node);
  if (history) describeEndsHistory(node);
}

/** Expects an append to be refused, because its topic has ended. */
async function refused(appended: Promise<unknown>): Promise<void> {
  const error: unknown = await appended.then(
    () => assert.fail('it was stored'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PushError, String(error));
  assert.deepEqual([error.code, error.retryable], ['ENDED', false], error.message);
}

/** Appends all at once, and returns the ids of those that were stored. The others must be refused with `ENDED`. */
async function putAll(node: RecordedNode, drafts: readonly Draft[]): Promise<(string | undefined)[]> {
  const results = await Promise.allSettled(drafts.map((draft) => put(node, draft)));
  for (const result of results)
    if (result.status === 'rejected') await refused(Promise.reject(result.reason as Error));
  return results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
}

function describeEnding(node: Node): void {
  it('stores the first end of a topic, and refuses with ENDED what comes after it', async () => {
    const one = await node();
    const first = await put(one, event('ends.a', 1));
    const ended = await put(one, end('ends.a'));
    for (const late of [event('ends.a', 2), end('ends.a', 'again'), event('ends.a', 3, { type: 'typed' })])
      await refused(put(one, late));
    const other = await put(one, event('ends.b', 1));
    const events = await delivered(one);
    assert.deepEqual(
      events.map(({ id }) => id),
      [first, ended, other],
    );
  });

  it('delivers an end as it was, whatever it carries', async () => {
    const one = await node();
    const meta = endMeta({ reason: 'failed', data: 'event' }, { run: 'r-1', note: '"end":"x"', n: 1 });
    const drafts = [
      end('ends.none', 'cancelled'),
      event('ends.event', { last: true }, { type: 'token', meta, except: 'some-connection' }),
      end('ends.result', 'done', { data: '"the whole\\nresult"', type: 'text' }, 'result'),
      event('ends.large', 'x'.repeat(100_000), { meta: endMeta({ reason: 'e', data: 'event' }) }),
    ];
    for (const draft of drafts) await put(one, draft);
    assert.deepEqual(
      (await delivered(one)).map(({ topic, type, data, except, meta: own }) => [
        topic,
        type,
        data,
        except,
        own,
      ]),
      drafts.map(({ topic, type, data, except, meta: own }) => [topic, type, data, except, own]),
    );
    for (const { topic } of drafts) await refused(put(one, event(topic, 'late')));
  });

  it('takes nothing for an end that only looks like one', async () => {
    const one = await node();
    const drafts = [
      event('ends.a', { end: 'done', meta: { end: 'done' } }),
      event('ends.a', '[{"end":"done"}]', { type: '{"end":"done"}' }),
      event('ends.a', 1, { meta: { 'x,"end': 'done', text: '{"end":"done"}', ended: 'done', $end: 'none' } }),
      event('ends.a', 2, { meta: { note: 'end":"done"', '{"end":"': 'done' }, except: ',"end":"' }),
      event('ends.a', 3, { messageId: '{"end":"done"}' }),
    ];
    for (const draft of drafts) await put(one, draft);
    assert.equal((await delivered(one)).length, drafts.length);
  });

  it('looks at the message id first: what is stored is not refused, and what is refused is not stored', async () => {
    const one = await node();
    const first = event('ends.a', 1, { messageId: 'first' });
    const ending = end('ends.a', 'done', { messageId: 'ending' });
    const ids = [await put(one, first), await put(one, ending)];
    assert.deepEqual([await put(one, first), await put(one, ending)], ids);
    const late = event('ends.a', 2, { messageId: 'late' });
    await refused(put(one, late));
    await refused(put(one, late));
    // The message id of what was refused is free.
    const elsewhere = await put(one, event('ends.b', 2, { messageId: 'late' }));
    assert.equal(await put(one, late), elsewhere);
    assert.equal((await delivered(one)).length, 3);
  });

  it('lets a refusal fail one of many, and keeps the order of the others', async () => {
    const one = await node();
    await put(one, end('ends.z'));
    const drafts = [
      event('ends.a', 0),
      event('ends.z', 'late'),
      end('ends.a', 'done', { messageId: 'm' }),
      event('plain', 3),
      event('ends.a', 'late'),
      end('ends.a', 'again', { messageId: 'm' }),
      event('ends.b', 6),
      event('ends.a', 'late', { messageId: 'n' }),
      event('plain', 8),
      forgotten('ends.z'),
      event('ends.z', 10),
      event('ends.a', 'late'),
      end('ends.z'),
      event('ends.z', 'late'),
      forgotten('ends.a'),
      event('ends.a', 15, { messageId: 'n' }),
      event('plain', 16),
    ];
    const ids = await putAll(one, drafts);
    const isLate = ({ data }: Draft) => data === '"late"';
    assert.deepEqual(
      ids.map((id) => id === undefined),
      drafts.map(isLate),
    );
    assert.equal(ids[5], ids[2]);
    const events = await delivered(one);
    assert.deepEqual(
      events.slice(1).map(({ id }) => id),
      ids.filter((id, index) => id !== undefined && index !== 5),
    );
  });

  it('keeps the order of many events of few topics, up to their ends', async () => {
    const one = await node();
    const drafts = Array.from({ length: 120 }, (_, n) =>
      n % 40 === 39 ? end(`ends.${n % 3}`) : event(n % 7 === 0 ? 'plain' : `ends.${n % 3}`, n),
    );
    const ids = await putAll(one, drafts);
    const ended = new Set<string>();
    const expected = drafts.flatMap((draft, index) => {
      if (ended.has(draft.topic)) return [];
      if (isEnd(draft)) ended.add(draft.topic);
      return [index];
    });
    assert.deepEqual(
      ids.flatMap((id, index) => (id === undefined ? [] : [index])),
      expected,
    );
    assert.deepEqual(
      (await delivered(one)).map(({ id }) => id),
      expected.map((index) => ids[index]),
    );
  });

  it('lets a topic begin again after a removal, also one that has not ended', async () => {
    const one = await node();
    const ids = [
      await put(one, event('ends.a', 1)),
      await put(one, end('ends.a')),
      await put(one, forgotten('ends.a')),
      await put(one, event('ends.a', 2)),
      await put(one, forgotten('ends.a')),
      await put(one, forgotten('ends.a')),
      await put(one, end('ends.a', 'at once')),
      await put(one, forgotten('ends.never')),
      await put(one, event('ends.never', 3)),
    ];
    await refused(put(one, event('ends.a', 4)));
    const events = await delivered(one);
    assert.deepEqual(
      events.map(({ id }) => id),
      ids,
    );
  });

  it('lets a topic begin again when the time of its end is over, and not before', async () => {
    const one = await node();
    /** Appends until that is stored, which has to be when the time of an end is over: a busy machine may be late, never early. */
    const beginsAgain = async (since: number) => {
      const append = () =>
        put(one, event('ends.brief.a', 'again')).then(
          () => true,
          (error: PushError) => {
            if (error.code === 'ENDED') return false;
            throw error;
          },
        );
      while (!(await append()));
      // Clocks that count in milliseconds may round both times.
      const elapsed = performance.now() - since;
      assert.ok(elapsed >= briefTtl - 5, `it began again after ${elapsed} ms of ${briefTtl}`);
    };
    for (let times = 1; times <= 2; times++) {
      const since = performance.now();
      await put(one, end('ends.brief.a'));
      await beginsAgain(since);
    }
  });
}

function describeEndsOfManyNodes(node: Node): void {
  it('refuses on every node what comes after the end, also on one that was not there', async () => {
    const [one, other] = [await node(), await node()];
    await put(one, event('ends.a', 1));
    const ending = end('ends.a', 'done', { messageId: 'ending' });
    const ended = await put(other, ending);
    for (const each of [one, other, await node()]) {
      await refused(put(each, event('ends.a', 2)));
      await refused(put(each, end('ends.a', 'again')));
      assert.equal(await put(each, ending), ended);
    }
  });

  it('still knows that a topic has ended when all nodes have left, and that another was removed', async () => {
    const first = await node();
    await put(first, event('ends.a', 1));
    await put(first, end('ends.a'));
    await put(first, end('ends.b'));
    await put(first, forgotten('ends.b'));
    await first.backplane.close();
    const second = await node();
    await refused(put(second, event('ends.a', 2)));
    await put(second, event('ends.b', 2));
    await put(second, forgotten('ends.a'));
    await put(second, event('ends.a', 3));
  });

  it('lets the first of several ends win, on whichever node, and stores nothing after it', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    const topics = Array.from({ length: 12 }, (_, n) => `ends.race.${n}`);
    const outcomes = await Promise.all(
      nodes.map((each, index) =>
        putAll(
          each,
          topics.flatMap((topic) => [event(topic, index), end(topic, `by ${index}`), event(topic, 'late')]),
        ),
      ),
    );
    const events = await delivered(nodes[0]!);
    for (const [n, topic] of topics.entries()) {
      const own = events.filter((each) => each.topic === topic);
      const ends = own.filter((each) => isEnd(each));
      assert.deepEqual(ends, own.slice(-1), topic);
      const resolved = outcomes
        .flatMap((ids) => ids.slice(n * 3, n * 3 + 3))
        .filter((id) => id !== undefined);
      assert.deepEqual(own.map(({ id }) => id).sort(), resolved.sort(), topic);
    }
  });

  it('stores everything that several nodes publish to one topic at the same time, each in its order', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    const count = 40;
    await Promise.all(
      nodes.flatMap((each, from) =>
        Array.from({ length: count }, (_, n) => put(each, event('ends.shared', { from, n }))),
      ),
    );
    const data = (await delivered(nodes[1]!)).map(
      (each) => JSON.parse(each.data) as { from: number; n: number },
    );
    for (const from of nodes.keys())
      assert.deepEqual(
        data.filter((each) => each.from === from).map(({ n }) => n),
        Array.from({ length: count }, (_, n) => n),
      );
  });
}
