import assert from 'node:assert/strict';
import type { OneTimeStore } from '../contracts/backplane.js';
import type { RecordedNode } from './recording-tail.js';

/** The tests of a backplane with a `oneTimeStore`. */
export function describeOneTimeStore(node: () => Promise<RecordedNode>, shared: boolean): void {
  const storeOf = async (): Promise<OneTimeStore> => {
    const { backplane } = await node();
    assert.ok(backplane.oneTimeStore, 'the backplane has no oneTimeStore');
    return backplane.oneTimeStore;
  };

  it('gives a value as it was, once', async () => {
    const store = await storeOf();
    const value = JSON.stringify({ text: 'two\nlines, "quotes", \u0000, ü, 😀', more: 'x'.repeat(10_000) });
    await store.put('a_-Z0', value, 60_000);
    await store.put('b', '', 60_000);
    assert.equal(await store.take('a_-Z0'), value);
    assert.equal(await store.take('a_-Z0'), undefined);
    assert.equal(await store.take('b'), '');
    assert.equal(await store.take('never put'), undefined);
  });

  it('gives nothing after its time', async () => {
    const store = await storeOf();
    await store.put('short', 'v', 30);
    await store.put('long', 'v', 60_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await store.take('short'), undefined);
    assert.equal(await store.take('long'), 'v');
  });

  it('gives a value to one of many that ask at the same time, on any node', async () => {
    const stores = [await storeOf(), ...(shared ? [await storeOf(), await storeOf()] : [])];
    for (let round = 0; round < 20; round++) {
      await stores[round % stores.length]!.put(`k${round}`, `v${round}`, 60_000);
      const askers = Array.from({ length: 30 }, (_, n) => stores[n % stores.length]!);
      const answers = await Promise.all(askers.map((store) => store.take(`k${round}`)));
      assert.deepEqual(
        answers.filter((answer) => answer !== undefined),
        [`v${round}`],
      );
    }
  });
}
