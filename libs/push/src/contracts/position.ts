/**
 * A position in the log. `epoch` identifies one incarnation of the log. Sequences can be compared only within one epoch.
 */
export interface Position {
  readonly epoch: string;
  /** Rises with every event of the application, on any topic, but not always by one. */
  readonly sequence: number;
}

const printed = /^([A-Za-z0-9_]{1,32})-(0|[1-9][0-9]{0,15})$/;

/** The event id: one opaque string, safe in an SSE `id:` field, an HTTP header and a query. */
export function printPosition({ epoch, sequence }: Position): string {
  return `${epoch}-${sequence}`;
}

/** The position that an id stands for; `undefined` if it cannot be the id of an event. */
export function parsePosition(id: string): Position | undefined {
  const match = printed.exec(id);
  if (!match) return undefined;
  const sequence = Number(match[2]);
  return Number.isSafeInteger(sequence) ? { epoch: match[1]!, sequence } : undefined;
}

/** Whether an id is after another one in their log. One of another log counts as after: the node has read that last. */
export function isAfter(id: string, other: string): boolean {
  const [one, two] = [parsePosition(id), parsePosition(other)];
  return one?.epoch !== two?.epoch || one!.sequence > two!.sequence;
}
