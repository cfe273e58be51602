import type { Column, Figures } from '../scenario.js';
import type { Machine } from './machine.js';

/** What a scenario has shown, in one run. */
export interface Result {
  readonly name: string;
  readonly title: string;
  readonly machine: Machine;
  readonly columns: readonly Column[];
  readonly rows: readonly { readonly peer: string; readonly figures: Figures }[];
}
