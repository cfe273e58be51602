import type { PushError } from '../contracts/errors.js';
import { faultOf } from './fault.js';
import type { HeldTopics } from './held-topics.js';
import type { RefusedRow, Settlement, WaitingRow } from './waiting-rows.js';

/** What became of rows, and what keeps the others from being appended now. */
export interface Outcome extends Settlement {
  readonly stop?: unknown;
}

/**
 * Appends rows: those of a topic one after the other, topics side by side. A row that is refused is passed over. One that may be
 * taken later holds its topic, and where nothing can be appended, everything stops: no row is appended before an earlier one of its
 * topic.
 *
 * @param append appends one of them
 */
export async function appendRows(
  rows: readonly WaitingRow[],
  append: (row: WaitingRow) => Promise<unknown>,
  held: HeldTopics,
): Promise<Outcome> {
  const stored: string[] = [];
  const refused: RefusedRow[] = [];
  const unsure: string[] = [];
  let stop: unknown;
  const appendTopic = async (topic: string, ofTopic: readonly WaitingRow[]) => {
    for (const row of ofTopic) {
      if (stop !== undefined) return;
      try {
        await append(row);
        stored.push(row.id);
        held.free(topic);
      } catch (error) {
        const { id } = row;
        const fault = faultOf(error);
        if (fault.kind === 'refused') {
          const { code, message } = error as PushError;
          refused.push({ id, code, message });
          continue;
        }
        if (fault.mayBeStored) unsure.push(id);
        if (fault.kind === 'stop' || held.isFull) stop = error;
        else held.hold(topic);
        return;
      }
    }
  };
  await Promise.all([...byTopic(rows)].map(([topic, ofTopic]) => appendTopic(topic, ofTopic)));
  return { stored, refused, unsure, ...(stop !== undefined && { stop }) };
}

/** Rows by their topic, in their order. */
export function byTopic(rows: readonly WaitingRow[]): Map<string, WaitingRow[]> {
  const topics = new Map<string, WaitingRow[]>();
  for (const row of rows) {
    const ofTopic = topics.get(row.topic);
    if (ofTopic) ofTopic.push(row);
    else topics.set(row.topic, [row]);
  }
  return topics;
}
