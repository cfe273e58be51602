/** The largest n of `last:n`. */
export const mostNewest = 1_000;

const words: ReadonlySet<string> = new Set(['now', 'earliest', 'start', 'snapshot']);

const lastOf = /^last:(0|[1-9][0-9]{0,8})$/;

/** How many of the newest events of each topic a reader begins with: 1 for `last`, n for `last:n`; `undefined` for others. */
export function newestOf(start: string): number | undefined {
  if (start === 'last') return 1;
  const count = Number(lastOf.exec(start)?.[1] ?? 0);
  return count >= 1 && count <= mostNewest ? count : undefined;
}

/** Whether it is a word of the protocol, and not an id. */
export function isNamedStart(start: string): boolean {
  return words.has(start) || newestOf(start) !== undefined;
}

/** What is wrong with a start that is neither a word of the protocol nor can be an id: a `last:` without a right number. */
export function problemOfStart(start: string): string | undefined {
  if (!start.startsWith('last:') || newestOf(start) !== undefined) return undefined;
  return `is ${JSON.stringify(start)}; after "last:" comes a whole number from 1 to ${mostNewest}`;
}
