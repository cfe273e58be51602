import type { Column, Figures } from '../scenario.js';

/** What a scenario has shown. */
export interface Result {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly { readonly peer: string; readonly figures: Figures }[];
}
