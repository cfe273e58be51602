import { bytesOf, joined, type Join, type SizedChunk } from './chunk-joiner.js';
import type { ChunkSource } from './chunk-source.js';

/** So many chunks may wait while events are on their way to the log. Then the source is not asked for more. */
const mostWaiting = 64;

/** How a source is pumped. */
export interface PumpOptions<Chunk> {
  /** Milliseconds. */
  readonly joinFor: number;
  readonly join: Join<Chunk>;
  /** The most that one event may have. */
  readonly maxBytes: number;
  /** Ends it: what has come by then is still handed over. */
  readonly signal: AbortSignal;
  /** Told of every chunk that comes. */
  readonly onChunk?: (chunk: Chunk, bytes: number) => void;
}

/**
 * Reads a source as fast as the log takes its chunks, and no reader of them has a say in that. The first chunk goes at once; those
 * that follow are joined for a while.
 */
export class Pump<Chunk> {
  private waiting: SizedChunk<Chunk>[] = [];
  private bytes = 0;
  /** When the chunks that wait have to go. */
  private due = 0;
  /** When the last event went. */
  private sentAt = -Infinity;
  private isOver = false;
  private onChange: (() => void) | undefined;
  private onRoom: (() => void) | undefined;
  private abandon: (() => void) | undefined;

  /** @param store stores events, in order, and resolves when all are stored */
  constructor(
    private readonly source: ChunkSource<Chunk>,
    private readonly store: (events: readonly Chunk[]) => Promise<void>,
    private readonly options: PumpOptions<Chunk>,
  ) {}

  /**
   * Resolves when the source has ended, or the signal is aborted, and everything is stored that has come.
   *
   * @throws what the source throws, once everything before that is stored; what `store` and `join` throw
   */
  async run(): Promise<void> {
    const { signal } = this.options;
    const stop = () => {
      this.isOver = true;
      this.abandon?.();
      this.changed();
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    const pulled = this.pull().finally(stop);
    pulled.catch(() => undefined);
    try {
      while (await this.ready()) await this.store(this.take());
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
    }
    await pulled;
  }

  private async pull(): Promise<void> {
    while (!this.isOver) {
      const next = await this.next();
      if (this.isOver || !next || next.done) return;
      this.add(next.value as Chunk);
      while (this.isFull && !this.isOver) await new Promise<void>((resolve) => (this.onRoom = resolve));
    }
  }

  /** The next chunk; `undefined` if it is not awaited any more. */
  private next(): Promise<Awaited<ReturnType<ChunkSource<Chunk>['next']>> | undefined> {
    return new Promise((resolve, reject) => {
      this.abandon = () => resolve(undefined);
      this.source.next().then(resolve, reject);
    });
  }

  private add(chunk: Chunk): void {
    const { joinFor, onChunk } = this.options;
    const bytes = bytesOf(chunk);
    onChunk?.(chunk, bytes);
    // A source that is slower than that waits for nothing.
    if (this.waiting.length === 0) this.due = this.sentAt + joinFor;
    this.waiting.push({ chunk, bytes });
    this.bytes += bytes;
    this.changed();
  }

  private get isFull(): boolean {
    return this.waiting.length >= mostWaiting || this.bytes >= this.options.maxBytes;
  }

  /** Resolves when something has to go, or with `false` when nothing will. */
  private async ready(): Promise<boolean> {
    for (;;) {
      if (this.isOver || this.isFull) return this.waiting.length > 0;
      const wait = this.due - performance.now();
      if (this.waiting.length > 0 && wait <= 0) return true;
      await new Promise<void>((resolve) => {
        const timer = this.waiting.length > 0 ? setTimeout(resolve, wait) : undefined;
        this.onChange = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  private changed(): void {
    this.onChange?.();
    this.onRoom?.();
  }

  private take(): Chunk[] {
    const { join, maxBytes } = this.options;
    const chunks = this.waiting;
    this.sentAt = performance.now();
    this.waiting = [];
    this.bytes = 0;
    this.onRoom?.();
    return joined(chunks, join, maxBytes);
  }
}
