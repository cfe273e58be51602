import assert from 'node:assert/strict';
import { PushError } from '../contracts/errors.js';
import type { Draft, LogEvent } from '../contracts/event.js';
import { printPosition } from '../contracts/position.js';
import type { RetentionRules } from '../contracts/retention.js';
import { readAll } from './history.contract.js';
import type { RecordedNode } from './recording-tail.js';
import { stateSuiteRules } from './state-rules.js';

type Node = () => Promise<RecordedNode>;

/** The tests of a backplane that has state topics. */
export function describeState(
  start: (retention: RetentionRules) => Promise<RecordedNode>,
  { shared, history }: { readonly shared: boolean; readonly history: boolean },
): void {
  const node: Node = () => start(stateSuiteRules);
  describeExpectations(node);
  if (shared) describeWriters(node);
  if (history) describeStateHistory(node);
}

/** A removal of a topic's state. */
export function removal(topic: string, more: Partial<Draft> = {}): Draft {
  return { topic, data: 'null', meta: { removed: true }, ...more };
}

function state(topic: string, data: unknown, more: Partial<Draft> = {}): Draft {
  return { topic, data: JSON.stringify(data), ...more };
}

/** Appends, and returns the id. */
async function put({ backplane }: RecordedNode, draft: Draft): Promise<string> {
  return printPosition(await backplane.append(draft));
}

/** Expects an append to be refused, because the newest event is `currentId`. */
async function conflicts(appended: Promise<unknown>, currentId: string | undefined): Promise<void> {
  const error: unknown = await appended.then(
    () => assert.fail('it was stored'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PushError, String(error));
  assert.deepEqual([error.code, error.currentId], ['CONFLICT', currentId], error.message);
}

/** What was delivered up to an event that is appended now. */
async function delivered(node: RecordedNode): Promise<LogEvent[]> {
  const { sequence } = await node.backplane.append(state('end', null));
  await node.tail.until(({ events }) => events.some((event) => event.sequence === sequence));
  return node.tail.events.filter(({ topic }) => topic !== 'end');
}

function describeExpectations(node: Node): void {
  it('stores a state that expects the newest event of its topic, and no other', async () => {
    const one = await node();
    const first = await put(one, state('state.a', 1));
    await put(one, state('state.b', 'other'));
    const second = await put(one, state('state.a', 2, { expect: first }));
    await conflicts(put(one, state('state.a', 3, { expect: first })), second);
    await conflicts(put(one, state('state.b', 3, { expect: second })), (await delivered(one))[1]!.id);
    await put(one, state('state.a', 4));
    const events = await delivered(one);
    assert.deepEqual(
      events.map(({ data }) => JSON.parse(data) as unknown),
      [1, 'other', 2, 4],
    );
  });

  it('stores a state that expects none where there never was one, once', async () => {
    const one = await node();
    const first = await put(one, state('state.a', 1, { expect: 'none' }));
    await conflicts(put(one, state('state.a', 2, { expect: 'none' })), first);
    await conflicts(put(one, state('state.b', 2, { expect: first })), undefined);
    assert.equal((await delivered(one)).length, 1);
  });

  it('takes a removal for no state, and for the newest event too', async () => {
    const one = await node();
    const first = await put(one, state('state.a', 1));
    const removed = await put(one, removal('state.a', { expect: first }));
    await conflicts(put(one, state('state.a', 2, { expect: first })), removed);
    const again = await put(one, state('state.a', 3, { expect: 'none' }));
    const gone = await put(one, removal('state.a'));
    await conflicts(put(one, removal('state.a', { expect: again })), gone);
    await put(one, state('state.a', 4, { expect: gone }));
    const events = await delivered(one);
    assert.deepEqual(
      events.map(({ data, meta }) => [data, meta?.removed]),
      [
        ['1', undefined],
        ['null', true],
        ['3', undefined],
        ['null', true],
        ['4', undefined],
      ],
    );
  });

  it('does not accept an expected id of another log', async () => {
    const one = await node();
    const { epoch, sequence } = await one.backplane.append(state('state.a', 1));
    const current = printPosition({ epoch, sequence });
    for (const expect of [`${epoch}x-${sequence}`, `${epoch}-${sequence + 1}`, 'another'])
      await conflicts(put(one, state('state.a', 2, { expect })), current);
  });

  it('checks the message id first: a retry of what was stored is no conflict', async () => {
    const one = await node();
    const draft = state('state.a', 1, { expect: 'none', messageId: 'first' });
    const first = await put(one, draft);
    const second = await put(one, state('state.a', 2, { expect: first, messageId: 'second' }));
    assert.equal(await put(one, draft), first);
    assert.equal(await put(one, state('state.a', 2, { expect: first, messageId: 'second' })), second);
    const refused = state('state.a', 3, { expect: first, messageId: 'third' });
    await conflicts(put(one, refused), second);
    // Nothing was stored with that id.
    await conflicts(put(one, refused), second);
    const third = await put(one, state('state.a', 3, { messageId: 'third' }));
    assert.equal(await put(one, refused), third);
    assert.equal((await delivered(one)).length, 3);
  });

  it('lets a conflict fail one of many, and keeps the order of the others', async () => {
    const one = await node();
    const before = await put(one, state('state.z', 0));
    const drafts = [
      state('state.a', 0, { expect: 'none' }),
      state('state.a', 1, { expect: 'none' }),
      state('plain', 2),
      state('state.b', 3, { expect: before }),
      state('state.z', 4, { expect: before }),
      state('state.z', 5, { expect: before }),
      removal('state.z'),
      state('state.z', 7, { expect: 'none' }),
      state('state.b', 8, { messageId: 'm', expect: before }),
      state('state.b', 9, { messageId: 'm', expect: 'none' }),
      state('plain', 10),
    ];
    const results = await Promise.allSettled(drafts.map((draft) => put(one, draft)));
    const ids = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
    const stored = [0, 2, 4, 6, 7, 9, 10];
    assert.deepEqual(
      ids.flatMap((id, index) => (id === undefined ? [] : [index])),
      stored,
    );
    for (const [index, current] of [
      [1, ids[0]],
      [3, undefined],
      [5, ids[4]],
      [8, undefined],
    ] as const)
      await conflicts(Promise.reject((results[index] as PromiseRejectedResult).reason as Error), current);
    const events = await delivered(one);
    assert.deepEqual(
      events.slice(1).map(({ id }) => id),
      stored.map((index) => ids[index]),
    );
  });
}

function describeWriters(node: Node): void {
  it('lets one of several writers win, on whichever node: no update is lost', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    const rounds = 15;
    const increment = async (writer: RecordedNode, topic: string) => {
      let [value, expect] = [0, 'none'];
      for (;;) {
        const stored = writer.backplane.append(state(topic, value + 1, { expect }));
        const current = await stored.then(
          () => undefined,
          (error: PushError) => error.currentId ?? assert.fail(String(error)),
        );
        if (current === undefined) return;
        await writer.tail.until(({ events }) => events.some(({ id }) => id === current));
        value = JSON.parse(writer.tail.events.find(({ id }) => id === current)!.data) as number;
        expect = current;
      }
    };
    await Promise.all(
      nodes.map(async (writer) => {
        for (let round = 0; round < rounds; round++)
          await Promise.all(['state.x', 'state.y'].map((topic) => increment(writer, topic)));
      }),
    );
    const events = await delivered(nodes[0]!);
    for (const topic of ['state.x', 'state.y'])
      assert.deepEqual(
        events.filter((event) => event.topic === topic).map(({ data }) => Number(data)),
        Array.from({ length: rounds * nodes.length }, (_, n) => n + 1),
      );
  });

  it('still knows the newest event when all nodes have left', async () => {
    const first = await node();
    const id = await put(first, state('state.a', 1));
    await put(first, removal('state.b'));
    await first.backplane.close();
    const second = await node();
    await conflicts(put(second, state('state.a', 2, { expect: 'none' })), id);
    await put(second, state('state.a', 2, { expect: id }));
    await put(second, state('state.b', 2, { expect: 'none' }));
  });
}

function describeStateHistory(node: Node): void {
  const read = async (one: RecordedNode, topics: string[], after = 0, limit = 3) => {
    await delivered(one);
    const { events, lost } = await readAll(one, { topics, after, limit });
    return { data: events.map(({ topic, data }) => `${topic}=${data}`), lost: [...lost] };
  };

  it('reads the newest event of each state topic, in log order; what it replaced is not lost', async () => {
    const one = await node();
    for (let n = 0; n < 30; n++) await put(one, state(`state.${n % 4}`, n));
    const middle = await one.backplane.append(state('plain', 1));
    await Promise.all(Array.from({ length: 30 }, (_, n) => put(one, state('state.hot', n))));
    await put(one, state('state.1', 'last'));
    assert.deepEqual(await read(one, ['state.*']), {
      data: ['state.2=26', 'state.3=27', 'state.0=28', 'state.hot=29', 'state.1="last"'],
      lost: [],
    });
    assert.deepEqual(await read(one, ['state.1', 'plain', 'state.never']), {
      data: ['plain=1', 'state.1="last"'],
      lost: [],
    });
    assert.deepEqual(await read(one, ['>'], middle.sequence, 2), {
      data: ['state.hot=29', 'state.1="last"', 'end=null', 'end=null', 'end=null'],
      lost: [],
    });
  });

  it('keeps state whatever happens to other topics', async () => {
    const one = await node();
    await put(one, state('state.old', 'kept'));
    await Promise.all(Array.from({ length: 200 }, (_, n) => put(one, state(`plain.${n % 3}`, n))));
    assert.deepEqual(await read(one, ['state.>']), { data: ['state.old="kept"'], lost: [] });
  });

  it('reads a removal as long as it is kept; then it is gone, and counts as lost', async () => {
    const one = await node();
    const first = await one.backplane.append(state('state.brief.a', 1));
    await put(one, state('state.brief.b', 2));
    const removed = await one.backplane.append(removal('state.brief.a'));
    await put(one, removal('state.slow'));
    const topics = ['state.>', 'state.brief.a', 'state.slow'];
    const isRead = ({ data }: { data: string[] }) => data.includes('state.brief.a=null');
    const lostOf = ({ lost }: { lost: [string, number][] }) => Object.fromEntries(lost);
    const told = { 'state.>': removed.sequence, 'state.brief.a': removed.sequence };
    let page = await read(one, topics);
    for (; isRead(page); page = await read(one, topics))
      assert.deepEqual(page.data, ['state.brief.b=2', 'state.brief.a=null', 'state.slow=null']);
    // It may have gone while that was read: then it is told, as it is from now on.
    for (const each of [page, await read(one, topics), await read(one, topics, first.sequence)]) {
      assert.deepEqual(each.data, ['state.brief.b=2', 'state.slow=null']);
      assert.deepEqual(lostOf(each), told);
    }
    assert.deepEqual((await read(one, topics, removed.sequence)).lost, []);
    assert.deepEqual((await read(one, ['state.slow', 'plain'])).lost, []);
    await put(one, state('state.brief.a', 3, { expect: 'none' }));
    assert.deepEqual((await read(one, ['state.brief.a'])).data, ['state.brief.a=3']);
  });
}
