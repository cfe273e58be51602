import type { FileHandle } from 'node:fs/promises';

/** What a line holds: the epoch of the log, an event or a probe, or a signal. */
export interface Entry {
  readonly epoch?: string;
  /** The node that wrote an event, and its number among the events of that node. */
  readonly by?: readonly [node: string, number: number];
  readonly messageId?: string;
  /** What the newest event of the topic has to be: where it ends, or "none". */
  readonly expect?: number | 'none';
  /** The event is a removal. */
  readonly removed?: true;
  readonly topic?: string;
  readonly body?: string;
  readonly signal?: 'ephemeral' | 'control';
  /** When it was written, in milliseconds of the machine's clock. */
  readonly at?: number;
}

/** An entry and its place in the file, in bytes. Where it ends is its sequence. */
export interface Line {
  readonly start: number;
  readonly end: number;
  readonly entry: Entry;
}

/** How many lines of each topic are remembered. */
const mostNewest = 2_000;

/** How many bytes are read at once. */
const chunk = 128 * 1024;

/** Reads whole lines from an offset on: not all of them, but one at least if there is one. What is no entry is left out. */
export async function readLines(
  file: FileHandle,
  after: number,
): Promise<{ lines: Line[]; through: number }> {
  for (let size = chunk; ; size *= 2) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, after);
    const lines: Line[] = [];
    let start = 0;
    for (let end = buffer.indexOf('\n'); end >= 0 && end < bytesRead; end = buffer.indexOf('\n', start)) {
      const entry = parse(buffer.toString('utf8', start, end));
      if (entry) lines.push({ start: after + start, end: after + end + 1, entry });
      start = end + 1;
    }
    if (start > 0 || bytesRead < size) return { lines, through: after + start };
  }
}

/**
 * What the lines up to a place mean. A node that does not know whether a write was done writes again. All nodes read the
 * same lines in the same order, so that all of them ignore the same ones: those that repeat an earlier line.
 */
export class LineIndex {
  end = 0;
  /** Where the lines end that repeat an earlier one. */
  readonly repeats = new Set<number>();
  /** The newest lines of each topic, oldest first: more than a history can be asked for. */
  readonly newest = new Map<string, Line[]>();
  /** Where the event was refused that this node has appended, by its number, and the newest event of its topic then. */
  readonly refused = new Map<number, number | undefined>();
  /** What this node has appended, by its number: the sequence. */
  readonly own = new Map<number, number>();
  private readonly numbers = new Map<string, number>();
  private readonly messageIds = new Map<string, number>();

  /** @param own the id of this node */
  add({ lines, through }: { lines: readonly Line[]; through: number }, own: string): void {
    this.end = through;
    for (const line of lines) {
      const { by, messageId, topic, expect } = line.entry;
      if (!by || topic === undefined) continue;
      const [node, number] = by;
      const isRetry = number <= (this.numbers.get(node) ?? 0);
      const known = messageId === undefined ? undefined : this.messageIds.get(messageId);
      if (!isRetry) this.numbers.set(node, number);
      const newest = this.newest.get(topic)?.at(-1);
      const isRefused = known === undefined && !holds(expect, newest);
      if (!isRetry && node === own) {
        if (isRefused) this.refused.set(number, newest?.end);
        else this.own.set(number, known ?? line.end);
      }
      if (isRetry || known !== undefined || isRefused) {
        this.repeats.add(line.end);
        continue;
      }
      if (messageId !== undefined) this.messageIds.set(messageId, line.end);
      const lines = this.newest.get(topic) ?? [];
      this.newest.set(topic, lines);
      if (lines.push(line) > mostNewest) lines.shift();
    }
  }
}

/** Whether what is expected of a topic is there. All nodes find the same: they look at the same lines. */
function holds(expect: Entry['expect'], newest: Line | undefined): boolean {
  if (expect === undefined) return true;
  return expect === 'none' ? newest === undefined || newest.entry.removed === true : expect === newest?.end;
}

function parse(text: string): Entry | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as Entry);
  } catch {
    return undefined;
  }
}
