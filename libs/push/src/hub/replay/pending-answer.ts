import { PushError } from '../../contracts/errors.js';

/** An answer that is promised and not there yet. It is in `all` until then, so that the log can fail it. */
export class PendingAnswer<T> {
  readonly result: Promise<T>;
  isDone = false;
  private settle!: { resolve(value: T): void; reject(error: unknown): void };

  /**
   * @param onEnd is called once, when there is an answer or none will come
   * @param signal is aborted when the answer is not wanted any more: it rejects with `CLOSED`
   */
  constructor(
    private readonly all: Set<{ fail(error: unknown): void }>,
    private readonly onEnd: () => void,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.result = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    all.add(this);
    signal?.addEventListener('abort', this.abort, { once: true });
    if (signal?.aborted) this.abort();
  }

  resolve(value: T): void {
    if (this.end()) this.settle.resolve(value);
  }

  fail(error: unknown): void {
    if (this.end()) this.settle.reject(error);
  }

  private readonly abort = (): void =>
    this.fail(new PushError('CLOSED', 'The answer is not wanted any more.'));

  private end(): boolean {
    if (this.isDone) return false;
    this.isDone = true;
    this.all.delete(this);
    this.signal?.removeEventListener('abort', this.abort);
    this.onEnd();
    return true;
  }
}
