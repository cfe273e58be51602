/** Options of a listener. */
export interface ListenOptions {
  readonly signal?: AbortSignal;
}

/** Calls independent listeners. An error in one, or a promise of it that rejects, does not affect the others. */
export class Listeners<Value> {
  readonly #listeners = new Set<(value: Value) => unknown>();

  constructor(private readonly onError: (error: unknown) => void) {}

  /** @returns a function that removes the listener */
  add(listener: (value: Value) => unknown, { signal }: ListenOptions = {}): () => void {
    // The same function may be added twice.
    const own = (value: Value) => listener(value);
    const stop = () => {
      this.#listeners.delete(own);
      signal?.removeEventListener('abort', stop);
    };
    if (!signal?.aborted) {
      this.#listeners.add(own);
      signal?.addEventListener('abort', stop);
    }
    return stop;
  }

  emit(value: Value): void {
    for (const listener of this.#listeners) isolate(() => listener(value), this.onError);
  }
}

/** Runs the application's code, and passes its errors to `onError`. */
export function isolate(run: () => unknown, onError: (error: unknown) => void): void {
  try {
    const result = run();
    if (result instanceof Promise) result.catch(onError);
  } catch (error) {
    onError(error);
  }
}
