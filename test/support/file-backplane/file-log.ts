import { SharedLog, type LogNode, type OpenLog } from 'nestjs-push/backplane-kit';
import { randomBytes } from 'node:crypto';
import { watch } from 'node:fs';
import { link, mkdir, open, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { LineIndex, readLines, type Entry, type Line } from './line-index.js';

/** The file as it was when the node looked last. */
export interface OpenFile extends OpenLog {
  readonly file: FileHandle;
}

/** How long a node waits for a change of the directory before it looks at the file again, in milliseconds. */
const longestWait = 1_000;

/** A log in one file that is only ever appended to. All nodes, of this and of other processes, have it open. */
export class FileLog extends SharedLog<OpenFile> {
  private index = new LineIndex();
  private indexedFile: FileHandle | undefined;
  private indexing: Promise<unknown> = Promise.resolve();
  private readonly path: string;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly node: LogNode,
    private readonly directory: string,
  ) {
    super();
    this.path = join(directory, 'log');
    node.signal.addEventListener('abort', () => this.wake());
  }

  /** Appends entries with one write. It throws if not all of them were written. */
  async write(entries: readonly Entry[]): Promise<void> {
    const { file } = this.current ?? (await this.open());
    // An empty line first: the last write may have been cut off in the middle of a line.
    const bytes = Buffer.from(`\n${entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')}`);
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten < bytes.length) throw new Error('the disk has taken a part of the events only');
    await file.datasync();
  }

  /** What all nodes agree on, up to the end of the file. */
  async upToDate(): Promise<LineIndex> {
    await this.update(this.current!.file);
    return this.index;
  }

  /** The lines after `after` that are the log's: not all of them, but one at least if there is one. */
  async linesAfter(after: number): Promise<{ lines: Line[]; through: number }> {
    const { file } = this.current!;
    const index = await this.upToDate();
    const { lines, through } = await readLines(file, after);
    const known = lines.filter(({ end }) => end <= index.end && !index.repeats.has(end));
    return { lines: known, through: Math.min(through, Math.max(after, index.end)) };
  }

  /** Resolves when something in the directory has changed, and after a second. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), longestWait);
      this.waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  protected async look(): Promise<OpenFile> {
    const file = await this.currentFile();
    const { lines } = await readLines(file, 0);
    const { epoch } = lines[0]?.entry ?? {};
    if (epoch === undefined) throw new Error(`${this.path} is not a log`);
    const sequence = await this.update(file);
    // A file that is shorter than what this node has read was restored: what it holds from now on is another log.
    if (epoch === this.current?.epoch && sequence < this.known.sequence) {
      await rename(this.path, `${this.path}.${epoch}`);
      return this.look();
    }
    return { epoch, start: 0, sequence, file };
  }

  /** The file at the path: the one that is open, or another one that has taken its place. It creates it if there is none. */
  private async currentFile(): Promise<FileHandle> {
    const there = await stat(this.path).catch(() => undefined);
    const file = this.current?.file;
    if (file && there?.ino === (await file.stat()).ino) return file;
    if (!there) await this.create();
    const { signal } = this.node;
    if (!file)
      watch(this.directory, { signal, persistent: false }, () => this.wake()).on('error', () => undefined);
    const opened = await open(this.path, 'a+');
    await file?.close();
    const close = () => void opened.close().catch(() => undefined);
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
    return opened;
  }

  /** Creates the file with its epoch, unless another node does. */
  private async create(): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    const epoch = randomBytes(6).toString('hex');
    const draft = `${this.path}.new.${epoch}`;
    await writeFile(draft, `${JSON.stringify({ epoch } satisfies Entry)}\n`);
    await link(draft, this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(draft);
  }

  /** Indexes what came since the last time, one call after the other. Returns the end of the last line. */
  private update(file: FileHandle): Promise<number> {
    const run = this.indexing.then(async () => {
      const { size } = await file.stat();
      if (file !== this.indexedFile || size < this.index.end) this.index = new LineIndex();
      this.indexedFile = file;
      for (let before = -1; before < this.index.end;) {
        before = this.index.end;
        this.index.add(await readLines(file, before), this.node.id);
      }
      return this.index.end;
    });
    this.indexing = run.catch(() => undefined);
    return run;
  }

  private wake(): void {
    this.waiting.forEach((resolve) => resolve());
    this.waiting.clear();
  }
}
