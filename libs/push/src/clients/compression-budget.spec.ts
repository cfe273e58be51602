import { jest } from '@jest/globals';
import { CompressionBudget } from './compression-budget.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** How many orders of 300 bytes are compressed at once. */
function taken(budget: CompressionBudget, readers: number): number {
  let count = 0;
  while (count < 100_000 && budget.take(300, readers)) count++;
  return count;
}

describe('What may be compressed', () => {
  it('takes at most a quarter of the time where every pair of readers reads something else', () => {
    const budget = new CompressionBudget();
    expect(taken(budget, 2)).toBeLessThan(1_000);
    jest.advanceTimersByTime(20);
    const milliseconds = 0.035 * taken(budget, 2);
    expect(milliseconds).toBeGreaterThan(4);
    expect(milliseconds).toBeLessThan(6);
  });

  it('is left to the larger audience when there is little', () => {
    const budget = new CompressionBudget();
    taken(budget, 2);
    expect(budget.take(300, 2)).toBe(false);
    expect(budget.take(2_000, 1)).toBe(false);
    expect(taken(budget, 500)).toBeGreaterThan(10_000);
  });

  it('costs the more the larger it is', () => {
    const pages = new CompressionBudget();
    let count = 0;
    while (pages.take(64_000, 1)) count++;
    expect(count).toBeLessThan(20);
  });
});
