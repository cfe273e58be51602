import { setImmediate } from 'node:timers/promises';
import type { WorkBudget } from '../contracts/connection.js';

/** How many units of work (see work.ts) are done in one turn of the event loop: a few milliseconds. */
const slice = 8_192;

/** Charges what is done for a client, and lets everybody else have a turn after each slice of it. */
export class Pace {
  private done = 0;

  constructor(private readonly budget: WorkBudget | undefined) {}

  /** Counts work that was done. What it returns has to be waited for before there is more; `undefined` if there is time. */
  after(units: number): Promise<void> | undefined {
    this.budget?.spend(units);
    this.done += units;
    if (this.done < slice) return undefined;
    this.done = 0;
    return setImmediate();
  }
}
