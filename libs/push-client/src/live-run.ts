import type { PushClient } from './connect.js';
import type { Reader } from './events.js';
import { Listeners, type ListenOptions } from './listeners.js';
import type { GapNotice } from './protocol/gap.js';
import type { Ended, PushEvent } from './protocol/messages.js';
import type { Start } from './protocol/topics.js';
import { PushError } from './push-error.js';

/** What a run needs of a client. */
export type RunClient = Pick<PushClient, 'read' | 'onStatus' | 'onError'>;

/** What a run says of itself as long as it runs: the state topic `$run.<topic>`. */
export interface RunState {
  readonly id: string;
  /** Milliseconds since 1970, on the clock of its node. */
  readonly startedAt: number;
  /** From 0 to 1; missing as long as the run has not said any. */
  readonly progress?: number;
  /** For people. */
  readonly message?: string;
}

/**
 * What becomes of a run:
 *
 * - `loading`: it is not known yet
 * - `idle`: there is none
 * - `running`
 * - `gone`: there was one, and the server knows of neither the run nor its end; `gap` says why
 * - the reason for its end: `done`, `failed`, `cancelled`, `timeout`, `lost`, or a word of the application
 */
export type RunStatus = 'loading' | 'idle' | 'running' | 'gone' | (string & {});

/** A run from its beginning to its end, whenever the page comes to it. Created by `runOf`. */
export class LiveRun<Chunk = unknown, Result = Chunk> {
  /**
   * Resolves with the end, after everything that comes before it. Rejects if the server refuses the topic, or if the view or the
   * client is closed first.
   */
  readonly finished: Promise<Ended>;
  readonly #chunks: Listeners<PushEvent<Chunk>>;
  readonly #changes: Listeners<void>;
  #settle!: { readonly resolve: (end: Ended) => void; readonly reject: (error: PushError) => void };
  readonly #stops: (() => unknown)[] = [];
  /** The topics that are not live yet. */
  readonly #loading = new Set<string>();
  /** The topics of which it has everything up to now. */
  readonly #live = new Set<string>();
  #text = '';
  #result: Result | undefined;
  #state: RunState | undefined;
  #gap: GapNotice | undefined;
  #end: Ended | undefined;
  #error: PushError | undefined;
  #isOver = false;
  /** Whether a run has been here. */
  #wasThere = false;
  /** The id of the newest chunk. */
  #newest: string | undefined;
  /** Whether what comes next is of another log, and does not continue the text. */
  #isOther = false;
  #isScheduled = false;

  /** @param signal closes it */
  constructor(
    private readonly client: RunClient,
    private readonly topic: string,
    private readonly signal?: AbortSignal,
  ) {
    this.#chunks = new Listeners(client.onError);
    this.#changes = new Listeners(client.onError);
    this.finished = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // If the caller ignores `finished`, `onError` still reports a refusal.
    this.finished.catch(() => undefined);
    this.#stops.push(
      client.onStatus(() => {
        this.#live.clear();
        this.#touch();
      }),
    );
    this.#readChunks();
    this.#readState();
  }

  /** Whether it has everything up to now, or has ended. `false` while there is no connection, and while it catches up. */
  get isLive(): boolean {
    return this.ended ? true : !this.#isOver && this.#live.size > 1;
  }

  /** What becomes of the run. */
  get status(): RunStatus {
    if (this.ended) return this.ended.reason;
    if (this.#state) return 'running';
    if (this.#loading.size > 0) return 'loading';
    return this.#gap && this.#wasThere ? 'gone' : 'idle';
  }

  /** Its chunks so far, those that are strings, one after the other; its result, if that is a string and chunks are missing. */
  get text(): string {
    return this.#text;
  }

  /** The whole result, if chunks are missing and the end of the run carries it (`compact` on the server). */
  get result(): Result | undefined {
    return this.#result;
  }

  /** How far the run is, as long as it runs. */
  get state(): RunState | undefined {
    return this.#state;
  }

  /** Why chunks are missing; `undefined` if none is, or if the result is here instead. */
  get gap(): GapNotice | undefined {
    return this.#gap;
  }

  /** The end of the run. Nothing changes after it. */
  get ended(): Ended | undefined {
    return this.#isOver ? this.#end : undefined;
  }

  /** Why the server has refused it, or taken back the right to it. */
  get error(): PushError | undefined {
    return this.#error;
  }

  /**
   * Calls `handler` with each chunk, once and in order, from the first one that the server has. Add it at once, or it misses
   * chunks. Errors that it throws go to the client's `onError`.
   *
   * @returns a function that removes the handler
   */
  onChunk(handler: (chunk: Chunk, event: PushEvent<Chunk>) => unknown, options?: ListenOptions): () => void {
    return this.#chunks.add((event) => handler(event.data, event), options);
  }

  /**
   * Calls `listener` after anything has changed, once for all changes of a turn of the event loop. Errors that it throws go to the
   * client's `onError`.
   *
   * @returns a function that removes the listener
   */
  readonly onChange = (listener: () => unknown, options?: ListenOptions): (() => void) =>
    this.#changes.add(listener, options);

  /** Stops reading; the run goes on. The view keeps what it has. Idempotent. */
  close(): void {
    this.#finish();
  }

  #readChunks(): void {
    this.#read(this.topic, 'start', {
      next: (event) => {
        if (this.#isOther) this.#text = '';
        this.#isOther = false;
        this.#wasThere = true;
        this.#newest = event.id;
        if (typeof event.data === 'string') this.#text += event.data;
        this.#chunks.emit(event as PushEvent<Chunk>);
        this.#touch();
      },
      notice: ({ event, data }) => {
        if (event === 'ended') this.#end = data;
        else if (event === 'removed') {
          this.#text = '';
          this.#gap = undefined;
        } else if (event === 'gap') {
          this.#gap = data;
          this.#isOther = data.reason === 'epoch';
        } else return;
        this.#touch();
      },
      end: (error) => {
        const end = this.#end;
        // An end that is a chunk itself carries no result.
        const isChunk = end?.id !== undefined && end.id === this.#newest;
        if (end && this.#gap && !isChunk) this.#readResult(end);
        else this.#finish(error, end);
      },
    });
  }

  /** What has ended is asked for its result, which stands for the chunks. */
  #readResult(end: Ended): void {
    this.#read(this.topic, 'last', {
      next: ({ data }) => {
        this.#result = data as Result;
        if (typeof data === 'string') this.#text = data;
        this.#gap = undefined;
      },
      live: () => this.#finish(undefined, end),
      end: (error) => this.#finish(error, end),
    });
  }

  #readState(): void {
    this.#read(`$run.${this.topic}`, 'last', {
      next: ({ data }) => this.#setState(data as RunState),
      notice: ({ event }) => {
        // After a gap the server sends the state once more.
        if (event === 'removed' || event === 'gap') this.#setState(undefined);
      },
      end: (error) => this.#finish(error),
    });
  }

  #setState(state: RunState | undefined): void {
    this.#state = state;
    if (state) this.#wasThere = true;
    this.#touch();
  }

  #read(topic: string, from: Start, reader: Reader): void {
    this.#loading.add(topic);
    const live = () => {
      this.#loading.delete(topic);
      this.#live.add(topic);
      this.#touch();
    };
    this.#stops.push(this.client.read(topic, { from, signal: this.signal }, { live, ...reader }));
  }

  #finish(error?: PushError, end?: Ended): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end = end;
    this.#error = error;
    this.#state = undefined;
    for (const stop of this.#stops) stop();
    if (end) this.#settle.resolve(end);
    else this.#settle.reject(error ?? new PushError('CLOSED', 'It is closed.'));
    this.#touch();
  }

  /** Collects the changes of one turn of the event loop. */
  #touch(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#changes.emit();
    });
  }
}
