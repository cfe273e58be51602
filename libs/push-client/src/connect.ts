import type { ConnectOptions, PositionStorage } from './connect.options.js';
import { Connection } from './connection.js';
import { eventsOf, type Events, type EventsOptions, type Reader, type SubscribeOptions } from './events.js';
import type { Link, LinkListener, Status, StatusChange, TransportName } from './link.js';
import { isolate, Listeners } from './listeners.js';
import { followPage } from './page.js';
import type { GapNotice, PushEvent, ServerMessage, Start } from './protocol.js';
import type { Publisher, PublishOptions, QueueOptions } from './publisher.js';
import { PushError } from './push-error.js';
import { Subscription, Subscriptions } from './subscriptions.js';
import type { PayloadOf } from './topics.js';
import type { OpenTransport } from './transports/transport.js';

/** Ends a subscription. Idempotent. */
export interface Stop {
  (): void;
  /**
   * Resolves when the server has confirmed the subscription: from then on nothing is missed. Rejects if it refuses, or if
   * the client is closed before; stays as it is if the subscription is stopped before.
   */
  readonly live: Promise<void>;
}

/** For listeners that end with a signal. */
export interface ListenOptions {
  readonly signal?: AbortSignal;
}

/** What a client can do besides reading from a WebSocket, for those who count bytes. */
export interface Parts {
  /** Publishes. */
  readonly publisher?: (link: Link, options: QueueOptions | undefined) => Publisher;
  /** Carries the connection where no WebSocket can be opened. */
  readonly sse?: OpenTransport;
  /** Shares it among tabs. */
  readonly tabs?: ShareLink;
  /** Keeps positions in the option `storage`. */
  readonly positions?: (storage: PositionStorage, key: string) => Positions;
}

/** The positions at which a page was left. */
export interface Positions {
  /** Where to go on with `pattern`. */
  take(pattern: string): string | undefined;
  save(subscriptions: Subscriptions): void;
}

/** Makes the link of one tab to the connection of all; `undefined` where tabs cannot be found. */
export type ShareLink = (
  name: string,
  connectTo: (listener: LinkListener) => Link,
  listener: LinkListener,
) => Link | undefined;

/** As `connect` of the package itself, with those parts only that it is given. */
export function connectWith<Topics = Record<never, never>>(
  url: string | URL,
  options: ConnectOptions = {},
  parts: Parts = {},
): PushClient<Topics> {
  const base = (globalThis as { location?: Location }).location?.href;
  return new PushClient(new URL(url, base), options, parts);
}

/** One connection for everything that this page, or all tabs, subscribe to. Made by `connect`. */
export class PushClient<Topics = Record<never, never>> {
  readonly #link: Link;
  readonly #subscriptions: Subscriptions;
  readonly #publisher: Publisher | undefined;
  readonly #stored: Positions | undefined;
  readonly #gaps: Listeners<GapNotice>;
  readonly #statuses: Listeners<StatusChange>;
  readonly #onError: (error: unknown) => void;
  readonly #readers = new Set<Reader>();
  readonly #life = new AbortController();
  #change: StatusChange = { status: 'connecting' };

  constructor(url: URL, options: ConnectOptions, parts: Parts) {
    this.#onError = options.onError ?? ((error) => console.error(error));
    this.#gaps = new Listeners(this.#onError);
    this.#statuses = new Listeners(this.#onError);
    this.#link = this.#linkTo(url, options, parts);
    this.#subscriptions = new Subscriptions(this.#link, {
      gap: (notice) => this.#gaps.emit(notice),
      refused: (error) => this.#onError(error),
    });
    this.#publisher = parts.publisher?.(this.#link, options.queue);
    if (options.storage) this.#stored = parts.positions?.(options.storage, `nestjs-push ${url.href}`);
    const { signal } = this.#life;
    followPage(this.#link, signal, () => this.#save());
    options.signal?.addEventListener('abort', () => this.close(), { signal });
    if (options.signal?.aborted) this.close();
    else this.#link.open();
  }

  /** How the connection is. */
  get status(): Status {
    return this.#change.status;
  }

  /** What carries the connection; `undefined` while it is not live. */
  get transport(): TransportName | undefined {
    return this.#change.transport;
  }

  /** The id up to which everything that is subscribed to was handled; `undefined` before anything is. */
  get position(): string | undefined {
    return this.#subscriptions.position;
  }

  /**
   * Calls `handler` with each event of a topic or pattern: once, in order, and none is missed while the server retains
   * them; else {@link onGap} tells. What a handler throws goes to `onError`.
   */
  on<const Pattern extends string>(
    pattern: Pattern,
    handler: (data: PayloadOf<Topics, Pattern>, event: PushEvent<PayloadOf<Topics, Pattern>>) => unknown,
    options: SubscribeOptions = {},
  ): Stop {
    let stop!: () => Start;
    const live = new Promise<void>((resolve, reject) => {
      stop = this.#read(pattern, options, {
        next: (event) => handler(event.data as never, event as never),
        live: resolve,
        end: (error) => reject(error ?? closed()),
      });
    });
    // Who does not look at it is told by `onError`.
    live.catch(() => undefined);
    return Object.assign(() => void stop(), { live });
  }

  /** The events of a topic or pattern, to read in a `for await` loop or through RxJS. A loop ends with `signal`. */
  events<const Pattern extends string>(
    pattern: Pattern,
    options: EventsOptions = {},
  ): Events<PayloadOf<Topics, Pattern>> {
    return eventsOf((from, reader) => this.#read(pattern, { from, signal: options.signal }, reader), options);
  }

  /**
   * Calls `handler` when events are missing that the server no longer has, once, before anything newer: the time to load
   * the state anew.
   *
   * @returns how to stop
   */
  onGap(handler: (gap: GapNotice) => unknown, { signal }: ListenOptions = {}): () => void {
    return this.#gaps.add(handler, signal);
  }

  /**
   * Calls `handler` when the status changes.
   *
   * @returns how to stop
   */
  onStatus(handler: (change: StatusChange) => unknown, { signal }: ListenOptions = {}): () => void {
    return this.#statuses.add(handler, signal);
  }

  /**
   * Publishes where the server's policies allow it. While there is no connection it waits, and what has no answer when a
   * connection is cut is sent again; it is stored once.
   *
   * @returns the id of the stored event; `undefined` for an ephemeral one
   * @throws PushError as the server says, or `LIMIT_EXCEEDED`, `DATA_TOO_LARGE`, `DATA_NOT_SERIALIZABLE`, `CLOSED`
   */
  async publish<const Topic extends string>(
    topic: Topic,
    data: PayloadOf<Topics, Topic>,
    options: PublishOptions = {},
  ): Promise<string | undefined> {
    if (this.#life.signal.aborted) throw closed();
    if (!this.#publisher) throw new PushError('UNAVAILABLE', 'Give connectWith the part `publisher`.');
    return this.#publisher.publish(topic, data, options);
  }

  /** Tries again now: after a login, say, when the server had refused. */
  reconnect(): void {
    if (!this.#life.signal.aborted) this.#link.nudge(true);
  }

  /** Ends everything. Loops and observables complete, what waits to be published is rejected. Idempotent. */
  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    this.#link.rest({ status: 'closed' });
    this.#publisher?.close(closed());
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  #linkTo(url: URL, options: ConnectOptions, { sse, tabs: share }: Parts): Link {
    const listener: LinkListener = {
      up: () => {
        this.#subscriptions.up();
        this.#publisher?.up();
      },
      message: (message: ServerMessage, refs) => {
        this.#publisher?.message(message);
        this.#subscriptions.message(message, refs);
      },
      status: (change) => {
        this.#change = change;
        if (change.status !== 'live') this.#publisher?.down();
        // Before a page goes, its link rests.
        this.#save();
        this.#statuses.emit(change);
      },
    };
    const connectTo = (listener: LinkListener) => new Connection(url, options, listener, sse);
    const { tabs = !(options.token ?? options.ticket), transports = '' } = options;
    const name = `nestjs-push ${url.href} ${tabs} ${transports}`;
    return (tabs && share?.(name, connectTo, listener)) || connectTo(listener);
  }

  /** A storage may be full. */
  #save(): void {
    isolate(() => this.#stored?.save(this.#subscriptions), this.#onError);
  }

  #read(pattern: string, options: SubscribeOptions, reader: Reader): () => Start {
    const { signal, from = this.#stored?.take(pattern) ?? 'now' } = options;
    const end = (error?: PushError) => {
      if (!this.#readers.delete(reader)) return;
      stop();
      reader.end(error);
    };
    const abort = () => end();
    const subscription = new Subscription(
      pattern,
      from,
      (event) => isolate(() => reader.next(event), this.#onError),
      (error) => (error ? end(error) : reader.live?.()),
    );
    const stop = () => {
      const position = this.#subscriptions.positionOf(subscription);
      this.#subscriptions.delete(subscription);
      this.#readers.delete(reader);
      signal?.removeEventListener('abort', abort);
      return position;
    };
    if (signal?.aborted || this.#life.signal.aborted) queueMicrotask(() => reader.end());
    else {
      signal?.addEventListener('abort', abort);
      this.#readers.add(reader);
      this.#subscriptions.add(subscription);
    }
    return stop;
  }
}

function closed(): PushError {
  return new PushError('CLOSED', 'The client is closed.');
}
