import { jest } from '@jest/globals';
import { MemoryOneTimeStore } from './memory.one-time-store.js';

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

  it('is bounded, and forgets what has expired behind a longer one', async () => {
    const store = new MemoryOneTimeStore();
    for (let n = 0; n < 100_001; n++) await store.put(`k${n}`, 'v', 1_000);
    expect(await store.take('k0')).toBeUndefined();
    expect(await store.take('k100000')).toBe('v');
  });
});
