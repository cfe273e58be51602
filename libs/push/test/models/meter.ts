import type { WorkBudget } from '../../src/contracts/connection.js';

/** What a turn may hold, with the step that uses it up. */
export const turnUnits = 16_384 + 4_096;

/** Counts what is charged to it, and holds back for as long as it is told to. */
export class Meter implements WorkBudget {
  spent = 0;
  delay = 0;

  spend(units: number): void {
    this.spent += units;
  }
}
