import { Listeners, type ListenOptions } from './listeners.js';
import { PushError } from './push-error.js';

/** An observer of a live map: it gets a snapshot for each change. */
export interface SnapshotObserver<Value> {
  next?(snapshot: ReadonlyMap<string, Value>): void;
  error?(error: unknown): void;
  complete?(): void;
}

type Parts<Value> = ReadonlyMap<string, Value>;

/**
 * A map that the server keeps up to date, whatever happens to the connection. While it catches up ({@link isLive} is `false`)
 * it changes without telling listeners; they are told of all changes together when it is live.
 */
export abstract class LiveMap<Value> implements ReadonlyMap<string, Value>, AsyncIterable<Parts<Value>> {
  /**
   * Resolves when the map has everything for the first time. Rejects if the server refuses it, or if the map or the client is
   * closed first.
   */
  readonly live: Promise<void>;
  readonly #values = new Map<string, Value>();
  readonly #listeners: Listeners<ReadonlySet<string>>;
  #settle!: { readonly resolve: () => void; readonly reject: (error: PushError) => void };
  #isLive = false;
  /** The `isLive` that the listeners know. */
  #toldLive = false;
  #end: { readonly error?: PushError } | undefined;
  #snapshot: Parts<Value> | undefined;
  /** The keys that have changed since the listeners were told; `undefined` if nothing has. */
  #changed: Set<string> | undefined;
  #isScheduled = false;

  /** @param onError gets the errors of listeners */
  constructor(onError: (error: unknown) => void) {
    this.#listeners = new Listeners(onError);
    this.live = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // If the caller ignores `live`, `onError` still reports a refusal.
    this.live.catch(() => undefined);
    // RxJS and others look for this symbol. Without a polyfill it does not exist, and they look for the string.
    const symbol = (Symbol as { readonly observable?: symbol }).observable ?? '@@observable';
    Object.defineProperty(this, symbol, { value: () => this });
  }

  /** Whether it has everything up to now. `false` while there is no connection, and while it catches up. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Why the server has refused it, or taken back the right to it. The map no longer changes. */
  get error(): PushError | undefined {
    return this.#end?.error;
  }

  /**
   * A copy of the map that never changes. It is the same object until something changes: what `useSyncExternalStore` of
   * React asks for.
   */
  get snapshot(): ReadonlyMap<string, Value> {
    return (this.#snapshot ??= new Map(this.#values));
  }

  /** How many entries there are. */
  get size(): number {
    return this.#values.size;
  }

  /** The value of a key. */
  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** Whether there is a value. */
  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** The keys. */
  keys(): ReturnType<Parts<Value>['keys']> {
    return this.#values.keys();
  }

  /** The values. */
  values(): ReturnType<Parts<Value>['values']> {
    return this.#values.values();
  }

  /** The keys, each with its value. */
  entries(): ReturnType<Parts<Value>['entries']> {
    return this.#values.entries();
  }

  [Symbol.iterator](): ReturnType<Parts<Value>['entries']> {
    return this.#values.entries();
  }

  /** Calls `run` for each entry. */
  forEach(run: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    this.#values.forEach((value, key) => run(value, key, this));
  }

  /**
   * Calls `listener` after changes, with the keys that have changed or are gone since the last call. The set is empty when
   * something else has changed, such as {@link isLive} or {@link error}. Errors that it throws go to the client's `onError`.
   *
   * @returns a function that removes the listener
   */
  readonly onChange = (
    listener: (keys: ReadonlySet<string>) => unknown,
    options?: ListenOptions,
  ): (() => void) => this.#listeners.add(listener, options);

  /** Observes it, as RxJS does (`from(map)`): gets the snapshot as soon as it is live, then another for each change. */
  subscribe(observer: SnapshotObserver<Value>): { unsubscribe(): void } {
    let last: unknown;
    const tell = () => {
      if (this.#isLive && this.snapshot !== last) observer.next?.((last = this.snapshot));
      if (!this.#end) return;
      stop();
      if (this.#end.error) observer.error?.(this.#end.error);
      else observer.complete?.();
    };
    const stop = this.onChange(tell);
    tell();
    return { unsubscribe: stop };
  }

  /** Snapshots: the first as soon as it is live, then the newest after each change. A loop that is slow misses those between. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReadonlyMap<string, Value>, void> {
    let wake = () => {};
    let last: unknown;
    const stop = this.onChange(() => wake());
    try {
      for (;;) {
        if (this.#isLive && this.snapshot !== last) yield (last = this.snapshot);
        else if (this.#end?.error) throw this.#end.error;
        else if (this.#end) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      stop();
    }
  }

  /** Stops it. The map keeps what it has; loops and observables complete. Idempotent. */
  close(): void {
    this.finish();
  }

  /** Lets go of the connection. Called once. */
  protected abstract release(): void;

  protected put(key: string, value: Value): void {
    this.#values.set(key, value);
    this.touch(key);
  }

  protected drop(key: string): void {
    if (this.#values.delete(key)) this.touch(key);
  }

  /** Something has changed, at `key` if that is given. */
  protected touch(key?: string): void {
    this.#changed ??= new Set();
    if (key !== undefined) this.#changed.add(key);
    this.#snapshot = undefined;
    this.#schedule();
  }

  protected setLive(isLive: boolean): void {
    this.#isLive = isLive && !this.#end;
    if (this.#isLive) this.#settle.resolve();
    this.#schedule();
  }

  protected finish(error?: PushError): void {
    if (this.#end) return;
    this.#end = { error };
    this.release();
    this.#settle.reject(error ?? new PushError('CLOSED', 'It is closed.'));
    this.setLive(false);
  }

  /** Collects the changes of one turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#tell();
    });
  }

  #tell(): void {
    const isLive = this.#isLive;
    const hasAll = isLive || this.#end !== undefined;
    const changed = hasAll ? this.#changed : undefined;
    if (!changed && isLive === this.#toldLive && !this.#end) return;
    this.#toldLive = isLive;
    if (changed) this.#changed = undefined;
    this.#listeners.emit(changed ?? new Set());
  }
}
