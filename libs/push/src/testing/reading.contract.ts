import assert from 'node:assert/strict';
import type { OpenScene } from './transport-scene.js';
import { withSlowReader } from './slow-reader.js';
import type { TransportClient } from './transport-client.js';

/** The tests of what a client reads: every event once and in order, or a gap that says what is missing. */
export function describeReading(open: OpenScene): void {
  it('brings events as they were, in order, and ephemeral ones without an id', async () => {
    const scene = await open();
    const client = await scene.enter('news.>');
    const data = ['two\nlines\r\n', { text: '"quotes", ü, 😀, \u2028' }, 'x'.repeat(100_000), 4];
    for (const each of data) await scene.bus.publish('news.1', each, { type: 'größer' });
    await scene.bus.publish('news.2', 'gone', { ephemeral: true });
    await client.until((it) => it.data.length === 5);
    assert.deepEqual(client.data, [...data, 'gone']);
    const events = client.all('message');
    assert.deepEqual(
      events.map(({ type }) => type),
      ['größer', 'größer', 'größer', 'größer', undefined],
    );
    assert.equal(new Set(events.slice(0, 4).map(({ id }) => id)).size, 4);
    assert.equal(events[4]!.id, undefined);
  });

  it('resumes after the last id: nothing is missing, and nothing comes twice', async () => {
    const scene = await open();
    const first = await scene.enter('news.1');
    await scene.publish('news.1', 1, 2, 3);
    await first.until(({ data }) => data.length === 3);
    first.vanish();
    await scene.publish('news.1', 4, 5);
    const second = await scene.enter('news.1', { from: first.lastId });
    await scene.publish('news.1', 6);
    await second.until(({ data }) => data.at(-1) === 6);
    assert.deepEqual(second.data, [4, 5, 6]);
    assert.deepEqual(second.all('gap'), []);
    second.leave();
    const third = await scene.enter('news.1', { from: second.lastId });
    await scene.publish('news.1', 7);
    await third.until(({ data }) => data.at(-1) === 7);
    assert.deepEqual(third.data, [7]);
  });

  it('brings a long past, and what comes meanwhile, in order', async () => {
    const scene = await open({ retention: { events: 10_000 } });
    await Promise.all(numbers(0, 5_000).map((number) => scene.bus.publish('news.1', number)));
    const client = await scene.enter('news.1', { from: 'earliest' });
    await Promise.all(numbers(5_000, 6_000).map((number) => scene.bus.publish('news.1', number)));
    await client.until(({ data }) => data.length >= 6_000);
    assert.deepEqual(client.data, numbers(0, 6_000));
    assert.deepEqual(client.all('gap'), []);
  });

  for (const { reason, from } of gaps) {
    it(`says before anything newer that events are missing (${reason})`, async () => {
      const scene = await open();
      await scene.publish('news.1', 0);
      const first = await scene.enter('news.1', { from: 'earliest' });
      await first.until(({ data }) => data.length === 1);
      first.leave();
      await scene.publish('news.1', ...numbers(1, 60));
      const second = await scene.enter('news.1', { from: from(first.lastId!) });
      await scene.publish('news.1', 60);
      await second.until(({ data }) => data.at(-1) === 60);
      const [notice, ...more] = second.all('gap');
      assert.deepEqual([notice?.reason, notice?.topics, more], [reason, ['news.1'], []]);
      assert.equal(second.told.find(({ event }) => event === 'gap' || event === 'message')?.event, 'gap');
      assertInOrder(second);
    });
  }

  it('holds nothing back for a slow reader: it reads on where it was once it takes what waits', async () => {
    const scene = await open();
    const { slow, count } = await withSlowReader(scene, 'news.1');
    slow.resume();
    await scene.bus.publish('news.1', { number: count });
    await slow.until(({ data }) => numberOf(data.at(-1)) === count);
    assert.deepEqual(slow.data.map(numberOf), numbers(0, count + 1));
    assert.deepEqual(slow.all('gap'), []);
  });

  it('tells a reader that is too slow what it has missed (gap), and others get everything', async () => {
    const scene = await open();
    const fast = await scene.enter('news.1', { token: 'bob' });
    const { slow, count } = await withSlowReader(scene, 'news.1');
    for (const number of numbers(count, count + 100)) await scene.bus.publish('news.1', { number });
    slow.resume();
    await slow.until(({ data }) => numberOf(data.at(-1)) === count + 99);
    const [notice, ...more] = slow.all('gap');
    assert.deepEqual([notice?.reason, notice?.topics, more], ['slow', ['news.1'], []]);
    assertInOrder(slow);
    await fast.until(({ data }) => data.length === count + 100);
    assert.deepEqual(fast.data.map(numberOf), numbers(0, count + 100));
    assert.deepEqual(fast.all('gap'), []);
  });

  it('ends the connection of a reader that is too slow where that is the rule (TOO_SLOW)', async () => {
    const scene = await open();
    const { slow, count } = await withSlowReader(scene, 'strict.1');
    for (const number of numbers(count, count + 100)) await scene.bus.publish('strict.1', { number });
    slow.resume();
    await slow.until(({ hasEnded }) => hasEnded);
    assert.equal(slow.failure, 'TOO_SLOW');
    assertInOrder(slow);
  });

  it('drops a reader that takes nothing, at a heartbeat', async () => {
    const scene = await open({ heartbeat: 60, limits: { stallTimeout: 120 } });
    await withSlowReader(scene, 'news.1');
    await scene.application.until(({ disconnected }) => disconnected.length > 0);
    assert.deepEqual(
      scene.application.disconnected.map(({ reason }) => reason),
      ['timeout'],
    );
  });
}

/** Makes an id to resume from out of the id of an event that is not kept any more. */
const gaps: readonly { reason: string; from: (id: string) => string }[] = [
  { reason: 'malformed', from: () => 'nonsense' },
  { reason: 'epoch', from: () => 'another-1' },
  { reason: 'future', from: (id) => id.replace(/\d+$/, '1000000') },
  { reason: 'evicted', from: (id) => id },
];

function numberOf(data: unknown): number | undefined {
  return (data as { readonly number: number } | undefined)?.number;
}

/** Checks that events came in order, each once. */
function assertInOrder(client: TransportClient): void {
  const sequences = client.all('message').map(({ id }) => Number(id!.split('-').at(-1)));
  sequences.forEach((sequence, index) => assert.ok(index === 0 || sequence > sequences[index - 1]!));
}

/** The whole numbers from `first` to `end` - 1. */
function numbers(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}
