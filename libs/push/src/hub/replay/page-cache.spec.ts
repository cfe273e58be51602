import { jest } from '@jest/globals';
import { LogEvent } from '../../contracts/event.js';
import { PageCache } from './page-cache.js';

function page(through: number, bytes = 10) {
  const events = [new LogEvent('log', through, { topic: 'a', data: 'x'.repeat(bytes) })];
  return { events, through, lost: new Map<string, number>() };
}

describe('PageCache', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('finds a page by what was asked for, for every position on it', () => {
    const cache = new PageCache();
    const [first, second] = [page(10), page(20)];
    cache.add('a', 3, first);
    cache.add('a', 10, second);
    expect([2, 3, 9, 10, 19, 20].map((after) => cache.find('a', after))).toEqual([
      undefined,
      first,
      first,
      second,
      second,
      undefined,
    ]);
    expect(cache.find('b', 5)).toBeUndefined();
  });

  it('keeps a page for ten seconds', () => {
    const cache = new PageCache();
    cache.add('a', 0, page(10));
    jest.advanceTimersByTime(6_000);
    cache.add('a', 10, page(20));
    jest.advanceTimersByTime(4_001);
    expect([cache.find('a', 0), cache.find('a', 10)?.through]).toEqual([undefined, 20]);
    jest.advanceTimersByTime(6_000);
    expect([cache.find('a', 10), cache.bytes, jest.getTimerCount()]).toEqual([undefined, 0, 0]);
  });

  it('lets the oldest pages go when their memory is used up', () => {
    const cache = new PageCache();
    for (let n = 0; n < 20; n++) cache.add('a', n, page(n + 1, 900_000));
    expect(cache.bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect([cache.find('a', 0), cache.find('a', 19)?.through]).toEqual([undefined, 20]);
    cache.clear();
    expect([cache.find('a', 19), cache.bytes, jest.getTimerCount()]).toEqual([undefined, 0, 0]);
  });
});
