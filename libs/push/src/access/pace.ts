import { setImmediate } from 'node:timers/promises';
import type { WorkBudget } from '../contracts/connection.js';

/** How many units of work (see work.ts) may be done in one turn of the event loop. They take a few milliseconds. */
const slice = 8_192;

/** Charges work to a client's budget, and yields to the event loop after each slice of it. */
export class Pace {
  private done = 0;

  constructor(private readonly budget: WorkBudget | undefined) {}

  /** Counts work that was done. The caller MUST await the result before it does more; `undefined` means that there is time. */
  after(units: number): Promise<void> | undefined {
    this.budget?.spend(units);
    this.done += units;
    if (this.done < slice) return undefined;
    this.done = 0;
    return setImmediate();
  }
}
