import { separator } from './schema.js';

/** Entries as the server's functions return them: one row, which costs less on both sides than a row for each. */
export interface EntriesRow {
  readonly sequences: string | null;
  readonly topics: string | null;
  readonly times: string | null;
  readonly bodies: string | null;
}

/** An entry of the log. */
export interface Entry {
  readonly sequence: number;
  readonly topic: string;
  /** When it was stored, in milliseconds of the server's clock. */
  readonly time: number;
  readonly body: string;
}

/** Reads such a row. */
export function entriesOf({ sequences, topics, times, bodies }: EntriesRow): Entry[] {
  if (sequences === null) return [];
  const [names, clocks, texts] = [topics!.split(separator), times!.split(','), bodies!.split(separator)];
  return sequences.split(',').map((sequence, index) => ({
    sequence: Number(sequence),
    topic: names[index]!,
    time: Number(clocks[index]),
    body: texts[index]!,
  }));
}

/** What JSON text has in no other place than a string, where it has to be escaped. */
// oxlint-disable-next-line no-control-regex -- these are the characters that it is about
const unusable = /[\0\x1e]/g;

/** A text as part of a list. */
export function listed(text: string): string {
  if (!text.includes(separator) && !text.includes('\0')) return text;
  return text.replace(unusable, (character) => (character === '\0' ? '\\u0000' : '\\u001e'));
}
