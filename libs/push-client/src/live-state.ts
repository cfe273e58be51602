import type { PushClient } from './connect.js';
import type { Reader } from './events.js';
import type { ListenOptions } from './listeners.js';
import { LiveMap } from './live-map.js';
import type { PushEvent } from './protocol/messages.js';

/** What a live state needs of a client. */
export type StateSource = Pick<PushClient, 'read' | 'onStatus' | 'onError'>;

/** A state that is already known, such as one that a server has rendered into the page. */
export interface StateStart<Data> {
  /** Each topic with its data. */
  readonly entries: Iterable<readonly [topic: string, data: Data]>;
  /** The id of the log that the entries were read at, or an earlier one. The state goes on after it. */
  readonly id: string;
}

/** Options of `stateOf`. `signal` closes the state. */
export interface StateOptions<Data = unknown> extends ListenOptions {
  /** What is known already. Default: nothing, so the server sends the newest event of each topic. */
  readonly start?: StateStart<Data>;
}

/**
 * What the topics of a pattern are now: a live map, topic → data. Created by `stateOf`. It is right at every position of the
 * log.
 */
export class LiveState<Data = unknown> extends LiveMap<Data> {
  readonly #stopStatus: () => void;
  #reader: Reader | undefined;
  #stop = (): unknown => undefined;
  /** The topics that the server has not mentioned since the state is loaded again. At the end they are gone. */
  #unconfirmed: Set<string> | undefined;
  /** The server sends the state once more after a reset. Its events have no ids. */
  #isReset = false;

  constructor(
    private readonly source: StateSource,
    private readonly pattern: string,
    private readonly options: StateOptions<Data> = {},
  ) {
    super(source.onError);
    this.#stopStatus = source.onStatus(() => this.setLive(false));
    const { start } = options;
    for (const [topic, data] of start?.entries ?? []) this.put(topic, data);
    this.#load(start?.id);
  }

  protected override release(): void {
    this.#stop();
    this.#stopStatus();
  }

  /** Reads the newest event of each topic, and then what comes; from an id on, only what comes after it. */
  #load(from = 'last'): void {
    const reader: Reader = {
      next: (event) => this.#set(event as PushEvent<Data>),
      notice: ({ event, data }) => {
        if (event === 'removed') this.#delete(data.topic);
        else if (event !== 'gap') return;
        else if (data.reset) this.#reset();
        else this.#reload();
      },
      live: () => reader === this.#reader && this.#caughtUp(),
      end: (error) => this.finish(error),
    };
    this.#reader = reader;
    this.#stop = this.source.read(this.pattern, { from, signal: this.options.signal }, reader);
  }

  #set({ topic, id, data }: PushEvent<Data>): void {
    // An event that is not stored is no state.
    if (id === undefined && !this.#isReset) return;
    if (id !== undefined) this.#isReset = false;
    this.#unconfirmed?.delete(topic);
    this.put(topic, data);
  }

  #delete(topic: string): void {
    this.#unconfirmed?.delete(topic);
    this.drop(topic);
  }

  /** Removals are lost, or the log is another one. The server sends the whole state. */
  #reset(): void {
    for (const topic of [...this.keys()]) this.#delete(topic);
    this.#isReset = true;
  }

  /** Events are lost, and the pattern also matches other topics besides state topics, so the server sends no state by itself. */
  #reload(): void {
    this.#stop();
    this.setLive(false);
    this.#unconfirmed = new Set(this.keys());
    this.#load();
  }

  #caughtUp(): void {
    for (const topic of this.#unconfirmed ?? []) this.#delete(topic);
    this.#unconfirmed = undefined;
    this.#isReset = false;
    this.setLive(true);
  }
}
