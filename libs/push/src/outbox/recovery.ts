import type { DraftRules } from '../bus/draft.js';
import { byTopic } from './append-rows.js';
import type { OutboxLog } from './outbox-log.js';
import type { Grant, RelayLease } from './relay-lease.js';
import { draftOfRow } from './row-draft.js';
import { tell } from './steps.js';
import type { WaitingRow, WaitingRows } from './waiting-rows.js';

/** How a row of an outbox is called in the log. */
export function nameOf(outbox: string, id: string): string {
  return `${outbox}.${id}`;
}

/** Finds out what became of rows that were claimed and not settled: the log knows. */
export class Recovery {
  private done: Grant | undefined;

  constructor(
    private readonly log: OutboxLog,
    private readonly lease: RelayLease,
    private readonly rows: WaitingRows,
  ) {}

  /** Settles what was open when the lease was granted. Those of its rows that are not in the log wait for the next claim. */
  async run(grant: Grant): Promise<void> {
    const { open, token } = grant;
    if (!open || this.done === grant) return;
    tell('recover');
    const rows = await this.rows.among(open.ids);
    if (rows.length > 0) await this.log.caughtUp();
    const stored: string[] = [];
    for (const [topic, ofTopic] of byTopic(rows)) {
      await this.lease.hold(grant);
      stored.push(...(await this.storedOf(topic, ofTopic, grant)));
    }
    await this.rows.settle(token, { stored, refused: [], unsure: [] });
    this.done = grant;
  }

  private async storedOf(
    topic: string,
    rows: readonly WaitingRow[],
    { open, outbox }: Grant,
  ): Promise<string[]> {
    const names = rows.map(({ id }) => nameOf(outbox, id));
    const { found, isWhole } = await this.log.find(topic, new Set(names), open!.head);
    const last = names.findLastIndex((name) => found.has(name));
    // What the log has dropped was appended before what it still has, unless it was refused.
    const isImplied = (index: number) =>
      index < last && !isWhole && !mayBeRefused(rows[index]!, names[index]!, this.log.rules);
    return rows.filter((_, index) => found.has(names[index]!) || isImplied(index)).map(({ id }) => id);
  }
}

/** Whether a row may have been refused: by what it says, or by what was there. */
function mayBeRefused(row: WaitingRow, name: string, rules: DraftRules): boolean {
  try {
    return draftOfRow(row, name, rules).expect !== undefined;
  } catch {
    return true;
  }
}
