import type { SyncConfig } from '@tanstack/db';
import type { Reader } from '../events.js';
import { isolate } from '../listeners.js';
import type { StateSource } from '../live-state.js';
import { PushError } from '../push-error.js';
import type { RowMapping, StateEvent } from './row-mapping.js';

/** What a collection gives its source, to write rows. */
export type RowSink<Row extends object, Key extends string | number> = Parameters<
  SyncConfig<Row, Key>['sync']
>[0];

/** What a topic without state is expected to have. */
const none = 'none';

/** The state of a topic, as a row. */
export interface StateRow<Row extends object = object, Key extends string | number = string | number> {
  readonly topic: string;
  /** The id of the event. */
  readonly id: string;
  readonly key: Key;
  readonly row: Row;
  /** What this page has replaced without anything of others between: `id` is what came of it. Oldest first. */
  replaced: readonly string[];
}

/**
 * The rows of a collection, read from state topics: all of them at first and after a gap, in one transaction, and then the changes
 * of each turn of the event loop. While the connection is lost, and while it catches up, changes wait.
 */
export class StateRows<Row extends object, Key extends string | number> {
  /** What the collection has been given, by topic. */
  readonly #written = new Map<string, StateRow<Row, Key>>();
  readonly #topics = new Map<Key, string>();
  /** What has changed since; `undefined` for a topic without state. */
  #changes = new Map<string, StateRow<Row, Key> | undefined>();
  /** Whether the changes are everything, in place of what the collection has. */
  #isWhole = true;
  #isLive = false;
  #isScheduled = false;
  #reader: Reader | undefined;
  #stop = (): unknown => undefined;
  readonly #stopStatus: () => void;
  /** Wait for the next change of a topic. */
  readonly #waiting = new Set<{ readonly topic: string; readonly resolve: () => void }>();

  constructor(
    private readonly source: StateSource,
    private readonly mapping: RowMapping<Row, Key>,
    private readonly sink: RowSink<Row, Key>,
  ) {
    this.#stopStatus = source.onStatus(() => (this.#isLive = false));
    this.#load();
  }

  /** The state that a row shows, as the collection has got it. */
  of(key: Key): StateRow<Row, Key> | undefined {
    const topic = this.#topics.get(key);
    return topic === undefined ? undefined : this.#written.get(topic);
  }

  /**
   * Changes the state of a topic, if it is still the one that the user has seen. What this page has made of that meanwhile counts as
   * seen: the user sees it as soon as it is made.
   *
   * @param seen the id of a state, or `none`
   * @param send publishes the change, and returns its id
   * @returns once the collection has got the change from the server, or what came after it
   */
  async change(topic: string, seen: string, send: (expect: string) => Promise<string>): Promise<void> {
    const now = this.#written.get(topic);
    const index = now?.replaced.indexOf(seen) ?? -1;
    const expect = index < 0 ? seen : now!.id;
    const replaced = index < 0 ? [] : now!.replaced.slice(index);
    const id = await send(expect);
    // It was stored right after `expect`: whatever takes the place of that here is it, or newer.
    if (this.#reader && (this.#written.get(topic)?.id ?? none) === expect)
      await new Promise<void>((resolve) => this.#waiting.add({ topic, resolve }));
    const row = this.#written.get(topic);
    if (row?.id === id) row.replaced = [...replaced, expect];
  }

  close(): void {
    this.#reader = undefined;
    this.#stop();
    this.#stopStatus();
    this.#settle(() => true);
  }

  /** Reads the newest event of each topic, and then what comes. */
  #load(): void {
    this.#stop();
    this.#isLive = false;
    this.#isWhole = true;
    this.#changes = new Map();
    const reader: Reader = {
      next: (event) => this.#set(event as StateEvent),
      notice: ({ event, data }) => {
        if (event === 'removed') this.#note(data.topic, undefined);
        // Where the server sends the state by itself (`reset`), its events have no ids, which changes need.
        else if (event === 'gap') this.#load();
      },
      live: () => {
        if (reader !== this.#reader) return;
        this.#isLive = true;
        this.#schedule();
      },
      end: (error) => reader === this.#reader && this.#fail(error),
    };
    this.#reader = reader;
    this.#stop = this.source.read(this.mapping.pattern, { from: 'last' }, reader);
  }

  #set(event: StateEvent): void {
    const { topic, id } = event;
    // An event that is not stored is no state.
    if (id === undefined) return;
    // If the application cannot make a row of it, there is none.
    this.#note(topic, undefined);
    const row = this.mapping.toRow(event);
    this.#note(topic, { topic, id, row, key: this.mapping.getKey(row), replaced: [] });
  }

  #note(topic: string, row: StateRow<Row, Key> | undefined): void {
    this.#changes.set(topic, row);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.#isLive && this.#reader) isolate(() => this.#write(), this.source.onError);
    });
  }

  #write(): void {
    const [changes, isWhole] = [this.#changes, this.#isWhole];
    if (changes.size === 0 && !isWhole) return;
    this.#changes = new Map();
    this.#isWhole = false;
    const { begin, truncate, commit, markReady } = this.sink;
    try {
      begin();
      if (isWhole) {
        truncate();
        this.#written.clear();
        this.#topics.clear();
      }
      // A key that one topic gives up, another may have.
      for (const [topic, row] of changes) this.#drop(topic, row);
      for (const row of changes.values()) if (row) this.#put(row);
      const receipt = commit();
      if (receipt !== true) receipt.catch(this.source.onError);
      if (isWhole) markReady();
    } finally {
      this.#settle((topic) => isWhole || changes.has(topic));
    }
  }

  #drop(topic: string, next: StateRow<Row, Key> | undefined): void {
    const last = this.#written.get(topic);
    if (!last || last.key === next?.key) return;
    this.#written.delete(topic);
    this.#topics.delete(last.key);
    this.sink.write({ type: 'delete', key: last.key });
  }

  #put(state: StateRow<Row, Key>): void {
    const { topic, id, key, row } = state;
    const owner = this.#topics.get(key);
    if (owner !== undefined && owner !== topic) {
      const message = `${topic} and ${owner} have rows with the same key, ${key}. The first one is kept.`;
      this.source.onError(new PushError('DUPLICATE_KEY', message, false, [topic]));
      return;
    }
    this.#written.set(topic, state);
    this.#topics.set(key, topic);
    this.sink.write({
      type: owner === undefined ? 'insert' : 'update',
      value: row,
      metadata: { topic, id },
    });
  }

  #settle(isMet: (topic: string) => boolean): void {
    for (const waiting of this.#waiting) {
      if (!isMet(waiting.topic)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** The server has refused the pattern, or the client is closed: the rows stay as they are. */
  #fail(error = new PushError('CLOSED', 'The client is closed.')): void {
    this.close();
    this.sink.markError(error);
  }
}
