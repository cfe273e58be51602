import type { ListenOptions, PushClient } from './connect.js';
import type { Reader } from './events.js';
import { Listeners } from './listeners.js';
import type { PushEvent } from './protocol/messages.js';
import { PushError } from './push-error.js';

/** What a live state needs of a client. */
export type StateSource = Pick<PushClient, 'read' | 'onStatus' | 'onError'>;

/** An observer of a live state: it gets a snapshot for each change. */
export interface StateObserver<Data> {
  next?(state: ReadonlyMap<string, Data>): void;
  error?(error: unknown): void;
  complete?(): void;
}

/**
 * What the topics of a pattern are now: a map from topic to data that the server keeps up to date. Created by `stateOf`.
 *
 * It is right at every position of the log, whatever happens to the connection. While it catches up ({@link isLive} is
 * `false`) it changes without telling listeners; they are told of all changes together when it is live.
 */
export class LiveState<Data = unknown>
  implements ReadonlyMap<string, Data>, AsyncIterable<ReadonlyMap<string, Data>>
{
  /**
   * Resolves when the map has everything for the first time. Rejects if the server refuses the pattern, or if the map or the
   * client is closed first.
   */
  readonly live: Promise<void>;
  readonly #data = new Map<string, Data>();
  readonly #listeners: Listeners<ReadonlySet<string>>;
  readonly #stopStatus: () => void;
  #settle!: { readonly resolve: () => void; readonly reject: (error: PushError) => void };
  #reader: Reader | undefined;
  #stop = (): unknown => undefined;
  #isLive = false;
  /** The `isLive` that the listeners know. */
  #toldLive = false;
  #end: { readonly error?: PushError } | undefined;
  #snapshot: ReadonlyMap<string, Data> | undefined;
  /** The topics that have changed since the listeners were told. */
  #changed = new Set<string>();
  #isScheduled = false;
  /** The topics that the server has not mentioned since the state is loaded again. At the end they are gone. */
  #unconfirmed: Set<string> | undefined;
  /** The server sends the state once more after a reset. Its events have no ids. */
  #isReset = false;

  /** @param signal closes it */
  constructor(
    private readonly source: StateSource,
    private readonly pattern: string,
    private readonly signal?: AbortSignal,
  ) {
    this.#listeners = new Listeners(source.onError);
    this.live = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // If the caller ignores `live`, `onError` still reports a refusal.
    this.live.catch(() => undefined);
    // RxJS and others look for this symbol. Without a polyfill it does not exist, and they look for the string.
    const symbol = (Symbol as { readonly observable?: symbol }).observable ?? '@@observable';
    Object.defineProperty(this, symbol, { value: () => this });
    this.#stopStatus = source.onStatus(() => this.#setLive(false));
    this.#load();
  }

  /** Whether it has everything up to now. `false` while there is no connection, and while it catches up. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Why the server has refused the pattern, or taken back the right to it. The map no longer changes. */
  get error(): PushError | undefined {
    return this.#end?.error;
  }

  /**
   * A copy of the map that never changes. It is the same object until something changes: what `useSyncExternalStore` of
   * React asks for.
   */
  get snapshot(): ReadonlyMap<string, Data> {
    return (this.#snapshot ??= new Map(this.#data));
  }

  /** How many topics have state. */
  get size(): number {
    return this.#data.size;
  }

  /** The state of a topic. */
  get(topic: string): Data | undefined {
    return this.#data.get(topic);
  }

  /** Whether a topic has state. */
  has(topic: string): boolean {
    return this.#data.has(topic);
  }

  /** The topics that have state. */
  keys(): ReturnType<ReadonlyMap<string, Data>['keys']> {
    return this.#data.keys();
  }

  /** What the topics hold. */
  values(): ReturnType<ReadonlyMap<string, Data>['values']> {
    return this.#data.values();
  }

  /** Topics, each with what it holds. */
  entries(): ReturnType<ReadonlyMap<string, Data>['entries']> {
    return this.#data.entries();
  }

  [Symbol.iterator](): ReturnType<ReadonlyMap<string, Data>['entries']> {
    return this.#data.entries();
  }

  /** Calls `run` for each topic. */
  forEach(run: (data: Data, topic: string, state: ReadonlyMap<string, Data>) => void): void {
    this.#data.forEach((data, topic) => run(data, topic, this));
  }

  /**
   * Calls `listener` after changes, with the topics that have changed or are gone since the last call. The set is empty when
   * only {@link isLive} or {@link error} has changed. Errors that it throws go to the client's `onError`.
   *
   * @returns a function that removes the listener
   */
  readonly onChange = (
    listener: (topics: ReadonlySet<string>) => unknown,
    { signal }: ListenOptions = {},
  ): (() => void) => this.#listeners.add(listener, signal);

  /** Observes it, as RxJS does (`from(state)`): gets the snapshot as soon as it is live, then another for each change. */
  subscribe(observer: StateObserver<Data>): { unsubscribe(): void } {
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
  async *[Symbol.asyncIterator](): AsyncGenerator<ReadonlyMap<string, Data>, void> {
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
    this.#finish();
  }

  /** Reads the newest event of each topic, and then what comes. */
  #load(): void {
    const reader: Reader = {
      next: (event) => this.#set(event as PushEvent<Data>),
      notice: ({ event, data }) => {
        if (event === 'removed') this.#delete(data.topic);
        else if (data.reset) this.#reset();
        else this.#reload();
      },
      live: () => reader === this.#reader && this.#caughtUp(),
      end: (error) => this.#finish(error),
    };
    this.#reader = reader;
    this.#stop = this.source.read(this.pattern, { from: 'last', signal: this.signal }, reader);
  }

  #set({ topic, id, data }: PushEvent<Data>): void {
    // An event that is not stored is no state.
    if (id === undefined && !this.#isReset) return;
    if (id !== undefined) this.#isReset = false;
    this.#unconfirmed?.delete(topic);
    this.#data.set(topic, data);
    this.#touch(topic);
  }

  #delete(topic: string): void {
    this.#unconfirmed?.delete(topic);
    if (this.#data.delete(topic)) this.#touch(topic);
  }

  /** Removals are lost, or the log is another one. The server sends the whole state. */
  #reset(): void {
    for (const topic of [...this.#data.keys()]) this.#delete(topic);
    this.#isReset = true;
  }

  /** Events are lost, and the pattern also matches other topics besides state topics, so the server sends no state by itself. */
  #reload(): void {
    this.#stop();
    this.#setLive(false);
    this.#unconfirmed = new Set(this.#data.keys());
    this.#load();
  }

  #caughtUp(): void {
    for (const topic of this.#unconfirmed ?? []) this.#delete(topic);
    this.#unconfirmed = undefined;
    this.#isReset = false;
    this.#setLive(true);
    this.#settle.resolve();
  }

  #setLive(isLive: boolean): void {
    this.#isLive = isLive && !this.#end;
    this.#schedule();
  }

  #touch(topic: string): void {
    this.#snapshot = undefined;
    this.#changed.add(topic);
    this.#schedule();
  }

  /** Collects the changes of one turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#tell());
  }

  #tell(): void {
    this.#isScheduled = false;
    const isLive = this.#isLive;
    if (!isLive && !this.#toldLive && !this.#end) return;
    const topics = isLive || this.#end ? this.#changed : new Set<string>();
    if (isLive && this.#toldLive && topics.size === 0) return;
    this.#toldLive = isLive;
    if (topics === this.#changed) this.#changed = new Set();
    this.#listeners.emit(topics);
  }

  #finish(error?: PushError): void {
    if (this.#end) return;
    this.#end = { error };
    this.#stop();
    this.#stopStatus();
    this.#settle.reject(error ?? new PushError('CLOSED', 'The state is closed.'));
    this.#setLive(false);
  }
}
