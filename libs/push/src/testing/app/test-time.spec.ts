import { Clock } from '../../contracts/clock.js';
import type { Window } from '../../hub/window/window.js';
import { TestTime } from './test-time.js';

function timeOf(window: Partial<Window> = { expire: () => undefined }) {
  const clock = new Clock();
  return { clock, time: new TestTime(clock, window as Window) };
}

describe('Time that is advanced', () => {
  it('brings what is due in its order, at its time, and what that brings about', async () => {
    const { clock, time } = timeOf();
    const began = clock.now();
    const log: string[] = [];
    const note = (name: string) => log.push(`${name} ${Math.floor((clock.now() - began) / 1_000)}`);
    clock.after(9_000, () => note('late'));
    clock.every(4_000, () => note('again'));
    clock.after(2_000, () => {
      note('first');
      clock.after(1_000, () => note('then'));
    });
    clock.after(60_000, () => note('never'));
    await time.advance(10_000);
    expect(log).toEqual(['first 2', 'then 3', 'again 4', 'again 8', 'late 9']);
    expect(clock.now() - began).toBeGreaterThanOrEqual(10_000);
    expect(clock.date() - Date.now()).toBeGreaterThan(9_000);
  });

  it('forgets what was cancelled', async () => {
    const { clock, time } = timeOf();
    let calls = 0;
    const once = clock.after(1_000, () => calls++);
    const again = clock.every(1_000, () => calls++ === 0 && clock.cancel(again));
    clock.cancel(once);
    clock.cancel(once);
    clock.cancel(undefined);
    await time.advance(10_000);
    expect(calls).toBe(1);
  });

  it('goes on by itself from there', async () => {
    const { clock, time } = timeOf();
    const called = new Promise<void>((resolve) => clock.after(100_010, resolve));
    await time.advance(100_000);
    // Not ten more milliseconds of a process that nothing keeps alive.
    const alive = setInterval(() => undefined, 1_000);
    await called;
    clearInterval(alive);
  });

  it('has the window look for what is too old, also as if all time had passed', async () => {
    const seen: number[] = [];
    const { clock, time } = timeOf({ expire: () => void seen.push(clock.now()) });
    const before = clock.now();
    await time.advance(1_000);
    time.evict();
    expect(seen[0]).toBeGreaterThanOrEqual(before + 1_000);
    expect(seen[1]).toBe(Infinity);
    expect(clock.now()).toBeLessThan(before + 100_000);
  });
});
