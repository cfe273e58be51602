import { Backoff } from './backoff.js';

describe('Waiting before the next attempt', () => {
  it('takes any time up to a bound that doubles, and stops to at the last', () => {
    const bounds = [1_000, 2_000, 4_000, 8_000, 10_000, 10_000];
    const most = bounds.map(() => 0);
    for (let round = 0; round < 500; round++) {
      const backoff = new Backoff(10_000);
      bounds.forEach((bound, attempt) => {
        const time = backoff.next();
        expect(time).toBeGreaterThanOrEqual(0);
        expect(time).toBeLessThan(bound);
        most[attempt] = Math.max(most[attempt]!, time);
      });
    }
    bounds.forEach((bound, attempt) => expect(most[attempt]).toBeGreaterThan(0.9 * bound));
  });

  it('begins again after a good connection, with the delay that the server gave', () => {
    const backoff = new Backoff(10_000);
    for (let attempt = 0; attempt < 5; attempt++) backoff.next();
    backoff.base = 1;
    backoff.reset();
    expect(backoff.next()).toBeLessThan(1);
  });
});
