import { jest } from '@jest/globals';
import { MemoryOneTimeStore } from './memory-one-time-store.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('the one-time store', () => {
  it('gives a value once', async () => {
    const store = new MemoryOneTimeStore();
    await store.put('k', 'v', 1_000);
    expect(await Promise.all([store.take('k'), store.take('k'), store.take('other')])).toEqual([
      'v',
      undefined,
      undefined,
    ]);
  });

  it('gives nothing after its time', async () => {
    const store = new MemoryOneTimeStore();
    await store.put('k', 'v', 1_000);
    jest.advanceTimersByTime(1_000);
    expect(await store.take('k')).toBeUndefined();
  });

  it('is bounded: what is there stays for its time, and what does not fit is refused', async () => {
    const store = new MemoryOneTimeStore();
    for (let n = 0; n < 100_000; n++) await store.put(`k${n}`, 'v', n % 2 === 0 ? 1_000 : 5_000);
    await expect(store.put('more', 'v', 1_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await store.put('k0', 'another', 1_000);
    expect(await store.take('k0')).toBe('another');
    await store.put('more', 'v', 1_000);
    await expect(store.put('k0', 'v', 1_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    jest.advanceTimersByTime(1_000);
    await store.put('k0', 'v', 1_000);
    expect(await Promise.all(['k1', 'k2', 'k99999'].map((key) => store.take(key)))).toEqual([
      'v',
      undefined,
      'v',
    ]);
  });

  it('forgets what is too old, while others come', async () => {
    const store = new MemoryOneTimeStore();
    for (let n = 0; n < 1_000; n++) {
      await store.put(`k${n}`, 'v', 100);
      jest.advanceTimersByTime(10);
    }
    expect((store as unknown as { values: Map<string, unknown> }).values.size).toBeLessThan(50);
  });
});
