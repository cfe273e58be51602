import { PushError } from '../contracts/errors.js';

/** An `Observable`, of RxJS or of another library. */
export interface SubscribableChunks<Chunk> {
  subscribe(observer: { next(chunk: Chunk): void; error(error: unknown): void; complete(): void }): {
    unsubscribe(): void;
  };
}

/** An observable cannot be told to wait. So many of its chunks may wait for the log. */
const mostWaiting = 10_000;

/** The chunks of an observable, one by one. */
export class SubscribedChunks<Chunk> {
  private waiting: Chunk[] = [];
  private taken = 0;
  private end: { readonly error?: unknown; readonly isError: boolean } | undefined;
  private wake: (() => void) | undefined;
  private readonly subscription: { unsubscribe(): void } | undefined;

  constructor(observable: SubscribableChunks<Chunk>) {
    this.subscription = observable.subscribe({
      next: (chunk) => this.add(chunk),
      error: (error) => this.finish({ error, isError: true }),
      complete: () => this.finish({ isError: false }),
    });
    // It may have brought too many while it was subscribed to.
    if (this.end) this.subscription.unsubscribe();
  }

  async next(): Promise<{ readonly done?: boolean; readonly value?: Chunk | undefined }> {
    while (this.taken === this.waiting.length) {
      if (this.end?.isError) throw this.end.error;
      if (this.end) return { done: true };
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const value = this.waiting[this.taken++];
    if (this.taken === this.waiting.length || this.taken >= mostWaiting) {
      this.waiting = this.waiting.slice(this.taken);
      this.taken = 0;
    }
    return { value };
  }

  stop(): Promise<void> {
    this.finish({ isError: false });
    return Promise.resolve();
  }

  private add(chunk: Chunk): void {
    if (this.end) return;
    if (this.waiting.length - this.taken < mostWaiting) {
      this.waiting.push(chunk);
      this.wake?.();
      return;
    }
    const advice = 'Use an async iterable, which waits for the log, or emit less.';
    const message = `The Observable of a run has ${mostWaiting} chunks waiting for the log. ${advice}`;
    this.finish({ error: new PushError('LIMIT_EXCEEDED', message), isError: true });
  }

  private finish(end: { readonly error?: unknown; readonly isError: boolean }): void {
    if (this.end) return;
    this.end = end;
    // It is not there yet while `subscribe` itself brings chunks.
    this.subscription?.unsubscribe();
    this.wake?.();
  }
}
