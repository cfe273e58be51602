import { jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { WorkBudget } from '../contracts/connection.js';
import { Meter, turnUnits } from '../../test/models/meter.js';
import { Scheduler, type Task } from './scheduler.js';

/** Work in pieces of 100 units. */
class Pieces implements Task {
  constructor(
    private readonly scheduler: Scheduler,
    public left: number,
    readonly budget?: WorkBudget,
  ) {}

  run(): void {
    for (; this.left > 0 && this.scheduler.mayRun(this); this.left--) this.scheduler.spend(this, 100);
  }
}

/** Counted work takes its time on a machine that is busy. */
jest.setTimeout(180_000);

const noDelivery = () => undefined;

describe('A scheduler', () => {
  it('does little work at once: for as much as there is to do it takes turns, each after what is live', async () => {
    let turns = 0;
    const scheduler = new Scheduler(() => turns++);
    const task = new Pieces(scheduler, 2_000);
    task.run();
    while (task.left > 0) {
      const { left } = task;
      await turn();
      expect((left - task.left) * 100).toBeLessThanOrEqual(turnUnits);
    }
    expect(turns).toBeGreaterThanOrEqual(200_000 / turnUnits);
  });

  it('serves clients in turn, however many tasks one of them has', async () => {
    const scheduler = new Scheduler(noDelivery);
    const [greedy, modest] = [new Meter(), new Meter()];
    const many = Array.from({ length: 100 }, () => new Pieces(scheduler, 1_000, greedy));
    const one = new Pieces(scheduler, 2_000, modest);
    for (const task of [...many, one]) task.run();
    while (one.left > 0) await turn();
    expect(modest.spent).toBe(200_000);
    expect(greedy.spent).toBeLessThanOrEqual(200_000 + 2 * turnUnits);
    scheduler.stop();
  });

  it('serves the tasks of a client in turn', async () => {
    const scheduler = new Scheduler(noDelivery);
    const tasks = Array.from({ length: 3 }, () => new Pieces(scheduler, 300, new Meter()));
    for (const task of tasks) task.run();
    while (tasks.some(({ left }) => left > 0)) {
      const left = tasks.map((task) => task.left);
      expect(Math.max(...left) - Math.min(...left)).toBeLessThanOrEqual(21);
      await turn();
    }
  });

  it('lets a client wait whose budget is exhausted, serves the others meanwhile, and comes back to it', async () => {
    const scheduler = new Scheduler(noDelivery);
    const [exhausted, other] = [new Meter(), new Meter()];
    const [waits, goes] = [new Pieces(scheduler, 50, exhausted), new Pieces(scheduler, 2_000, other)];
    exhausted.delay = 5;
    waits.run();
    goes.run();
    while (goes.left > 1_000) await turn();
    expect(waits.left).toBe(50);
    // The other one never stops asking.
    exhausted.delay = 0;
    while (waits.left > 0) {
      goes.left = Math.max(goes.left, 100);
      goes.run();
      await turn();
    }
    expect(exhausted.spent).toBe(5_000);
    scheduler.stop();
  });

  it('ends a turn when its time is over, however little work was counted', async () => {
    const scheduler = new Scheduler(noDelivery);
    let done = 0;
    const task = {
      run: () => {
        for (; done < 100 && scheduler.mayRun(task); done++) {
          for (const began = performance.now(); performance.now() < began + 3;);
          scheduler.spend(task, 1);
        }
      },
    };
    scheduler.add(task);
    while (done < 100) {
      const before = done;
      await turn();
      // A turn has 10 ms, and the task is in the middle of a piece when they are over.
      expect(done - before).toBeLessThanOrEqual(4);
    }
  });

  it('runs nothing that was given up, and holds nothing of it', async () => {
    const scheduler = new Scheduler(noDelivery);
    const tasks = [new Pieces(scheduler, 300, new Meter()), new Pieces(scheduler, 300)];
    for (const task of tasks) task.run();
    const left = tasks.map((task) => task.left);
    for (const task of tasks) scheduler.forget(task);
    expect(scheduler.size).toBe(0);
    await turn();
    expect(tasks.map((task) => task.left)).toEqual(left);
  });
});
