import type { PushClient } from '../connect.js';
import { Listeners, type ListenOptions } from '../listeners.js';

/** What may be stale: a client or a route, whose status is `live` or not, or a live map or run, which says so by `isLive`. */
export type FreshnessSource =
  | Pick<PushClient, 'status' | 'onStatus'>
  | { readonly isLive: boolean; readonly onChange: (listener: () => unknown) => () => void };

/** Options of `freshnessOf`. */
export interface FreshnessOptions extends ListenOptions {
  /** For how long something may not be live before it is stale, in milliseconds. Default: 5,000. */
  readonly after?: number;
}

/** Whether what is shown is up to date. Created by `freshnessOf`. */
export class Freshness {
  readonly #listeners: Listeners<void>;
  readonly #stop: () => void;
  readonly #after: number;
  #isFresh = true;
  #wasLive = false;
  #since: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly source: FreshnessSource,
    { after = 5_000, signal }: FreshnessOptions,
    onError: (error: unknown) => void,
  ) {
    this.#after = after;
    this.#listeners = new Listeners(onError);
    const look = () => this.#look();
    this.#stop = 'onStatus' in source ? source.onStatus(look) : source.onChange(look);
    this.#wait();
    this.#look();
    signal?.addEventListener('abort', () => this.close(), { once: true });
    if (signal?.aborted) this.close();
  }

  /** `false` if it has not been live for longer than `after`. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /**
   * When it was live last, in milliseconds since 1970: what is shown is as of then. `undefined` while it is live, and if it never was.
   * A connection that dies without a word is noticed after two heartbeats of the server.
   */
  get since(): number | undefined {
    return this.#since;
  }

  /**
   * Calls `listener` after {@link isFresh} or {@link since} has changed. Errors that it throws go to `onError`.
   *
   * @returns a function that removes the listener
   */
  readonly onChange = (listener: () => unknown, options?: ListenOptions): (() => void) =>
    this.#listeners.add(listener, options);

  /** Stops watching. It keeps what it says. Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stop();
  }

  #look(): void {
    const { source } = this;
    const isLive = 'onStatus' in source ? source.status === 'live' : source.isLive;
    if (isLive === this.#wasLive) return;
    this.#wasLive = isLive;
    this.#since = isLive ? undefined : Date.now();
    clearTimeout(this.#timer);
    if (isLive) this.#isFresh = true;
    else this.#wait();
    this.#listeners.emit();
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#isFresh = false;
      this.#listeners.emit();
    }, this.#after);
  }
}
