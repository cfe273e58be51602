import type { WorkBudget } from '../../contracts/connection.js';
import type { Task } from '../scheduler.js';
import type { NodeLog } from './node-log.js';
import { PendingAnswer } from './pending-answer.js';

/** Work in steps. Each yields what it cost, in units of work; the last one returns the result. */
export type Steps<T> = Generator<number, T>;

/** Whose work it is. */
export interface WorkOptions {
  /** What it is charged to. Default: nothing. */
  readonly budget?: WorkBudget;
  /** Aborted when its result is not wanted any more. */
  readonly signal?: AbortSignal;
}

/**
 * Does work for a client in its turns of the scheduler, and not when the promise before it resolves: many of those may resolve
 * in one turn of the event loop, and then everything that waits for them is done at once.
 */
export class SteppedWork<T> implements Task {
  readonly budget: WorkBudget | undefined;
  private readonly answer: PendingAnswer<T>;

  constructor(
    private readonly log: NodeLog,
    private readonly steps: Steps<T>,
    { budget, signal }: WorkOptions,
  ) {
    this.budget = budget;
    this.answer = new PendingAnswer(log.answers, () => log.scheduler.forget(this), signal);
    // Before its turn it would be work that nothing limits by its time.
    if (!this.answer.isDone) log.scheduler.add(this);
  }

  get result(): Promise<T> {
    return this.answer.result;
  }

  /** Its turn has come: see `Scheduler`. */
  run(): void {
    const { answer, steps } = this;
    const { scheduler } = this.log;
    try {
      while (!answer.isDone && scheduler.mayRun(this)) {
        const step = steps.next();
        if (step.done) answer.resolve(step.value);
        else scheduler.spend(this, step.value);
      }
    } catch (error) {
      answer.fail(error);
    }
  }
}
