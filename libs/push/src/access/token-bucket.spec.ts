import fc from 'fast-check';
import { jest } from '@jest/globals';
import { TokenBucket } from './token-bucket.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('a token bucket', () => {
  it('gives its burst at once, then its rate', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
    expect([bucket.take(), bucket.take(2), bucket.take()]).toEqual([true, true, false]);
    jest.advanceTimersByTime(99);
    expect(bucket.take()).toBe(false);
    jest.advanceTimersByTime(1);
    expect([bucket.take(), bucket.take()]).toEqual([true, false]);
  });

  it('takes all or nothing, and never holds more than its burst', () => {
    const bucket = new TokenBucket({ perSecond: 1_000, burst: 5 });
    jest.advanceTimersByTime(60_000);
    expect([bucket.take(6), bucket.take(5), bucket.take()]).toEqual([false, true, false]);
  });

  it('says when it is full again', () => {
    const bucket = new TokenBucket({ perSecond: 2, burst: 10 });
    expect(bucket.untilFull).toBe(0);
    bucket.take(4);
    expect(bucket.untilFull).toBe(2_000);
    jest.advanceTimersByTime(2_000);
    expect(bucket.untilFull).toBe(0);
  });

  it('owes what was spent and not there, and says when that is made up for', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 });
    bucket.spend(8);
    expect([bucket.delay, bucket.untilFull, bucket.take()]).toEqual([300, 800, false]);
    jest.advanceTimersByTime(300);
    expect([bucket.delay, bucket.take()]).toEqual([0, false]);
    jest.advanceTimersByTime(100);
    expect(bucket.take()).toBe(true);
  });

  it('gives credit where that is asked for, and has to be filled again before it gives more', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 });
    expect([bucket.take(5), bucket.take(6, 5), bucket.take(5, 5), bucket.take(1, 5)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    jest.advanceTimersByTime(500);
    expect(bucket.take()).toBe(false);
  });

  it('without a limit never runs out', () => {
    const bucket = new TokenBucket({ perSecond: Infinity, burst: Infinity });
    expect([bucket.take(1e9), bucket.untilFull]).toEqual([true, 0]);
    jest.advanceTimersByTime(5);
    expect(bucket.take(1e9)).toBe(true);
  });

  it('never gives more than burst and rate together, whatever is asked when', () => {
    const step = fc.record({ wait: fc.nat(5_000), count: fc.nat(20) });
    fc.assert(
      fc.property(
        fc.array(step),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        (steps, perSecond, burst) => {
          const bucket = new TokenBucket({ perSecond, burst });
          let taken = 0;
          let time = 0;
          for (const { wait, count } of steps) {
            jest.advanceTimersByTime(wait);
            time += wait;
            if (bucket.take(count)) taken += count;
            expect(taken).toBeLessThanOrEqual(burst + (perSecond * time) / 1_000 + 1e-6);
          }
        },
      ),
    );
  });
});
