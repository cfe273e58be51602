import type { PushClient } from './connect.js';
import type { Reader } from './events.js';
import type { HistoryOptions, HistoryPage } from './history.js';
import { Listeners, type ListenOptions } from './listeners.js';
import type { GapReason } from './protocol/gap.js';
import type { Ended, PushEvent } from './protocol/messages.js';
import { PushError } from './push-error.js';

/** What a live history needs of a client. */
export type HistoryClient = Pick<PushClient, 'read' | 'status' | 'onStatus' | 'onError'>;

/** How long to wait before the newest page is asked for again, in milliseconds. */
const pause = 2_000;

/** Reads a page of the topic's past: the newest one, or the one before an event. */
export type ReadPage<Data> = (page: HistoryOptions) => Promise<HistoryPage<Data>>;

/** Options of a live history. */
export interface LiveHistoryOptions<Data> {
  /** How many events a page has, from 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /**
   * How many events it keeps beside the pages that {@link LiveHistory.loadOlder} has loaded. The oldest are dropped above it, and
   * can be loaded again. Default: 1,000.
   */
  readonly most?: number;
  /** The newest page, if it is known already, such as one that a server has rendered. Default: it is loaded. */
  readonly start?: HistoryPage<Data>;
}

/** The events of a topic: the newest pages of its past, and on top what is published now. */
export class LiveHistory<Data = unknown> {
  readonly #changes: Listeners<void>;
  readonly #stopStatus: () => void;
  readonly #life = new AbortController();
  readonly #limit: number;
  #most: number;
  #events: readonly PushEvent<Data>[] = [];
  /** What has come in this turn of the event loop, the newest first. */
  #fresh: PushEvent<Data>[] = [];
  /** The page of older events, if there are any. */
  #before: string | undefined;
  #gap: GapReason | undefined;
  #ended: Ended | undefined;
  #error: PushError | undefined;
  #loading: Promise<void> | undefined;
  /** Whether what it has does not reach what comes, so that the newest page has to be loaded. */
  #isStale = true;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isLive = false;
  #isScheduled = false;
  /** Stops reading what is new. */
  #stop = (): unknown => undefined;

  /**
   * @param topic an exact topic
   * @param readPage reads a page of its past: `historyOf` with the topic
   */
  constructor(
    private readonly client: HistoryClient,
    private readonly topic: string,
    private readonly readPage: ReadPage<Data>,
    { limit = 50, most = 1_000, start }: LiveHistoryOptions<Data> = {},
  ) {
    this.#changes = new Listeners(client.onError);
    this.#limit = limit;
    this.#most = most;
    this.#stopStatus = client.onStatus(({ status }) => {
      this.#setLive(false);
      // What could not be loaded without a connection is loaded now.
      if (status === 'live') this.#catchUp();
    });
    if (start) this.#begin(start);
    else this.#catchUp();
  }

  /** The newest events, the newest first. The same object until something changes. */
  get events(): readonly PushEvent<Data>[] {
    return this.#events;
  }

  /** Whether there are older events to load. */
  get hasOlder(): boolean {
    return this.#before !== undefined;
  }

  /** Whether a page is being loaded. */
  get isLoading(): boolean {
    return this.#loading !== undefined;
  }

  /** Whether it has everything up to now. `false` while there is no connection, and while it catches up. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Why the oldest event is not the beginning, although nothing older can be loaded. */
  get gap(): GapReason | undefined {
    return this.#gap;
  }

  /** The end of a finite topic. */
  get ended(): Ended | undefined {
    return this.#ended;
  }

  /** Why the last page could not be loaded, or why the server has refused the topic. */
  get error(): PushError | undefined {
    return this.#error;
  }

  /**
   * Calls `listener` after each change. Errors that it throws go to the client's `onError`.
   *
   * @returns a function that removes the listener
   */
  readonly onChange = (listener: () => unknown, options?: ListenOptions): (() => void) =>
    this.#changes.add(listener, options);

  /**
   * Loads the page before the oldest event. Calls while a page is being loaded wait for that one. It never rejects: `error` says
   * what went wrong, and another call tries again.
   */
  loadOlder(): Promise<void> {
    const before = this.#before;
    if (this.#loading) return this.#loading;
    if (before === undefined) return Promise.resolve();
    return this.#read(before, ({ events, ...page }) => {
      // Events may have been dropped meanwhile, or all of them were loaded again: the page would leave a hole.
      if (this.#before !== before) return;
      this.#flush();
      this.#events = [...this.#events, ...[...events].reverse()];
      this.#most = Math.max(this.#most, this.#events.length);
      this.#before = page.before;
      this.#gap = page.gap;
    });
  }

  /** Stops reading. It keeps what it has. Idempotent. */
  close(): void {
    this.#life.abort();
    clearTimeout(this.#retry);
    this.#stop();
    this.#stopStatus();
    this.#setLive(false);
  }

  /** Loads the newest page, if it has to, and goes on after it. */
  #catchUp(): void {
    clearTimeout(this.#retry);
    if (!this.#isStale || this.#loading) return;
    this.#read(undefined, (page) => this.#begin(page)).catch(this.client.onError);
  }

  /** Loads the newest page soon. Where the connection is down as well, its return is waited for. */
  #catchUpLater(): void {
    const { status } = this.client;
    if (status === 'live' || status === 'idle') this.#retry = setTimeout(() => this.#catchUp(), pause);
  }

  /** Loads a page, whose answer counts unless another one was asked for meanwhile. */
  #read(before: string | undefined, take: (page: HistoryPage<Data>) => void): Promise<void> {
    const { signal } = this.#life;
    const load = async () => {
      let error: PushError | undefined;
      let page: HistoryPage<Data> | undefined;
      try {
        page = await this.readPage({ before, limit: this.#limit, signal });
      } catch (reason) {
        error = reason instanceof PushError ? reason : new PushError('UNAVAILABLE', String(reason), true);
      }
      if (signal.aborted || this.#loading !== loading) return;
      this.#loading = undefined;
      this.#error = error;
      if (page) take(page);
      if (!this.#isStale) clearTimeout(this.#retry);
      else if (!error || error.retryable) this.#catchUpLater();
      this.#touch();
    };
    const loading = load();
    this.#loading = loading;
    this.#touch();
    return loading;
  }

  /** Shows `page`, and what comes after it. */
  #begin({ events, before, gap }: HistoryPage<Data>): void {
    this.#stop();
    this.#isStale = false;
    this.#fresh = [];
    this.#events = [...events].reverse();
    this.#before = before;
    this.#gap = gap;
    const reader: Reader = {
      next: (event) => this.#add(event as PushEvent<Data>),
      notice: ({ event, data }) => {
        if (event === 'ended') this.#ended = data;
        else if (event === 'removed') this.#clear();
        // There is a hole between what is shown and what comes.
        else if (event === 'gap') this.#lost();
        else return;
        this.#touch();
      },
      live: () => this.#setLive(true),
      end: (error) => {
        this.#error = error;
        this.#touch();
      },
    };
    this.#stop = this.client.read(this.topic, { from: this.#events[0]?.id ?? 'earliest' }, reader);
    this.#touch();
  }

  #lost(): void {
    this.#isStale = true;
    // An older page that is on its way does not matter any more.
    this.#loading = undefined;
    this.#catchUp();
  }

  #add(event: PushEvent<Data>): void {
    // What is not stored is no history. After a gap it would be shown on top of a hole: the newest page has it, or what follows that.
    if (event.id === undefined || this.#isStale) return;
    this.#fresh.unshift(event);
    this.#touch();
  }

  #clear(): void {
    this.#fresh = [];
    this.#events = [];
    this.#before = this.#gap = undefined;
  }

  #flush(): void {
    if (!this.#fresh[0]) return;
    const events = [...this.#fresh, ...this.#events];
    this.#fresh = [];
    this.#events = events.slice(0, this.#most);
    if (events.length > this.#most) this.#before = this.#events.at(-1)!.id;
  }

  #setLive(isLive: boolean): void {
    if (this.#isLive === isLive) return;
    this.#isLive = isLive;
    this.#touch();
  }

  /** Collects the changes of one turn of the event loop. */
  #touch(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
      this.#changes.emit();
    });
  }
}
