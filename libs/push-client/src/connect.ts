import type { ConnectOptions } from './connect.options.js';
import { Connection } from './connection.js';
import type { PushTopics } from './declared-topics.js';
import { eventsOf, type Events, type EventsOptions, type Reader, type SubscribeOptions } from './events.js';
import type { ConnectTo, Link, LinkListener, Status, StatusChange } from './link.js';
import { isolate, Listeners, type ListenOptions } from './listeners.js';
import { followPage } from './page.js';
import type { Parts, Positions } from './parts.js';
import type { TransportName } from './protocol/connection.js';
import type { GapNotice } from './protocol/gap.js';
import type { Ended, PushEvent } from './protocol/messages.js';
import type { DeclaredTopic, PayloadOf, PublishedBy } from './protocol/topic-types.js';
import type { Start } from './protocol/topics.js';
import type { Publisher, PublishOptions } from './publisher.js';
import { PushError } from './push-error.js';
import type { RequestMessage } from './requests.js';
import { Subscription, Subscriptions } from './subscriptions.js';

/** Ends a subscription. Idempotent. */
export interface Stop {
  (): void;
  /**
   * Resolves when the server has confirmed the subscription: from then on no event is missed. Rejects if the server
   * refuses it, or if the client is closed first. Stays pending if the subscription is stopped first.
   */
  readonly live: Promise<void>;
}

export type { ListenOptions };

/** Like `connect` of the package itself, but with only the given parts. */
export function connectWith<Topics = PushTopics>(
  url: string | URL,
  options: ConnectOptions = {},
  parts: Parts = {},
): PushClient<Topics> {
  return new PushClient(url, options, parts);
}

/** One connection for all subscriptions of this page, or of all tabs. Created by `connect`. */
export class PushClient<Topics = PushTopics> {
  /** `undefined` until something needs it, if the client is lazy. */
  #link: Link | undefined;
  #stored: Positions | undefined;
  readonly #subscriptions: Subscriptions;
  readonly #publisher: Publisher | undefined;
  readonly #gaps: Listeners<GapNotice>;
  readonly #ends: Listeners<Ended>;
  readonly #statuses: Listeners<StatusChange>;
  /** The option `onError`: parts beside the core report there what no call can. */
  readonly onError: (error: unknown) => void;
  readonly #life = new AbortController();
  /** Aborts when the client is closed. */
  readonly signal = this.#life.signal;
  #change: StatusChange = { status: 'idle' };
  /** What {@link reconnect} calls besides: connections of parts beside the core, such as routes. */
  readonly reconnects = new Set<() => void>();

  constructor(
    /** As given to `connect`: parts beside the core use it. */
    readonly url: string | URL,
    /** As given to `connect`: parts beside the core use them. */
    readonly options: ConnectOptions,
    private readonly parts: Parts,
  ) {
    this.onError = options.onError ?? ((error) => console.error(error));
    this.#gaps = new Listeners(this.onError);
    this.#ends = new Listeners(this.onError);
    this.#statuses = new Listeners(this.onError);
    this.#subscriptions = new Subscriptions(this, this.#gaps, this.#ends);
    this.#publisher = parts.publisher?.(this, options.queue);
    options.signal?.addEventListener('abort', () => this.close(), { signal: this.signal });
    if (options.signal?.aborted) this.close();
    else if (!options.lazy) this.#open();
  }

  /** The status of the connection. */
  get status(): Status {
    return this.#change.status;
  }

  /** The transport of the connection; `undefined` while it is not live. */
  get transport(): TransportName | undefined {
    return this.#change.transport;
  }

  /** The id up to which all subscribed events were handled; `undefined` before the first. */
  get position(): string | undefined {
    return this.#subscriptions.position;
  }

  /**
   * Calls `handler` with each event of a topic or pattern, once and in order. No event is missed while the server retains it;
   * otherwise {@link onGap} reports the gap. Errors that a handler throws go to `onError`.
   */
  on<const Pattern extends string>(
    pattern: DeclaredTopic<Topics, Pattern>,
    handler: (data: PayloadOf<Topics, Pattern>, event: PushEvent<PayloadOf<Topics, Pattern>>) => unknown,
    options: SubscribeOptions = {},
  ): Stop {
    let stop!: () => Start;
    const live = new Promise<void>((resolve, reject) => {
      stop = this.read(pattern, options, {
        next: (event) => handler(event.data as never, event as never),
        live: resolve,
        end: (error) => reject(error ?? closed()),
      });
    });
    // If the caller ignores `live`, `onError` still reports a refusal.
    live.catch(() => undefined);
    return Object.assign(stop, { live });
  }

  /** The events of a topic or pattern, to read in a `for await` loop or through RxJS. A loop ends with `signal`. */
  events<const Pattern extends string>(
    pattern: DeclaredTopic<Topics, Pattern>,
    options: EventsOptions = {},
  ): Events<PayloadOf<Topics, Pattern>> {
    return eventsOf((from, reader) => this.read(pattern, { ...options, from }, reader), options);
  }

  /**
   * Calls `handler` when events are missing that the server no longer has: once, before any newer event. The application then
   * has to load its state again.
   *
   * @returns a function that removes the handler
   */
  onGap(handler: (gap: GapNotice) => unknown, options?: ListenOptions): () => void {
    return this.#gaps.add(handler, options);
  }

  /**
   * Calls `handler` when a topic that is subscribed to has ended: once all of its events were handled. A subscription to that
   * very topic is over then; one with wildcards goes on. The end is told again to each subscription that comes to it later.
   *
   * @returns a function that removes the handler
   */
  onEnded(handler: (end: Ended) => unknown, options?: ListenOptions): () => void {
    return this.#ends.add(handler, options);
  }

  /**
   * Calls `handler` when the status changes.
   *
   * @returns a function that removes the handler
   */
  onStatus(handler: (change: StatusChange) => unknown, options?: ListenOptions): () => void {
    return this.#statuses.add(handler, options);
  }

  /**
   * Publishes an event, if the server's policies allow it. The event waits while there is no connection. It is sent again if the
   * connection is lost before the answer, and stored only once.
   *
   * @returns the id of the stored event; `undefined` for an ephemeral one
   * @throws PushError as the server says, or `LIMIT_EXCEEDED`, `DATA_TOO_LARGE`, `DATA_NOT_SERIALIZABLE`, `CLOSED`
   */
  async publish<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
    data: PublishedBy<Topics, Topic>,
    options: PublishOptions = {},
  ): Promise<string | undefined> {
    if (this.signal.aborted) throw closed();
    if (!this.#publisher) throw new PushError('UNAVAILABLE', 'No publisher.');
    this.#open();
    return this.#publisher.publish(topic, data, options);
  }

  /**
   * Reconnects now with the current credentials, for example after a login. An attempt in progress starts over. A live
   * connection is replaced if the client has a `token` or `ticket`; otherwise it is only checked. The streams of its routes do the
   * same. A lazy client that has not connected yet stays `idle`.
   */
  reconnect(): void {
    if (this.signal.aborted) return;
    this.#link?.nudge(true);
    for (const reconnect of this.reconnects) reconnect();
  }

  /** Sends a message to the server, if there is a connection. Parts beside the core use it. */
  send(message: RequestMessage): void {
    this.#link?.send(message);
  }

  /**
   * Lets the connection rest until {@link reconnect}: for apps that go to the background. Subscriptions and what is published wait.
   * The status is `waiting`.
   */
  rest(): void {
    this.#link?.rest({ status: 'waiting' });
  }

  /** Closes the client. Loops and observables complete, and waiting publishes reject. Idempotent. */
  close(): void {
    if (this.signal.aborted) return;
    this.#life.abort();
    if (this.#link) this.#link.rest({ status: 'closed' });
    else this.#noteStatus({ status: 'closed' });
    this.#publisher?.close(closed());
    for (const { end } of this.#subscriptions) end();
  }

  /** Connects, unless it has already. */
  #open(): void {
    if (this.#link || this.signal.aborted) return;
    const { options, parts } = this;
    const url = new URL(this.url, (globalThis as { location?: Location }).location?.href);
    const { tabs = !(options.token ?? options.ticket), transports = '', storage } = options;
    const name = `nestjs-push ${url.href}`;
    const listener: LinkListener = {
      up: () => {
        this.#subscriptions.up();
        this.#publisher?.up();
      },
      message: (message, refs) => {
        this.#publisher?.message(message);
        this.#subscriptions.message(message, refs);
      },
      status: (change) => this.#noteStatus(change),
    };
    const connectTo: ConnectTo = (own, client) => new Connection(url, options, own, parts.sse, client);
    const shared = tabs && parts.tabs?.(`${name} ${tabs} ${transports}`, connectTo, listener);
    const link = (this.#link = shared || connectTo(listener));
    this.#stored = storage && parts.positions?.(storage, name);
    followPage(link, this.signal, () => this.#save());
    link.open();
  }

  #noteStatus(change: StatusChange): void {
    this.#change = change;
    if (change.status !== 'live') this.#publisher?.down();
    // A page's link rests before the page goes away, so positions are saved in time.
    this.#save();
    this.#statuses.emit(change);
    if (change.status === 'live' && change.error) this.onError(change.error);
  }

  /** Saves positions. A storage that is full throws. */
  #save(): void {
    isolate(() => this.#stored?.save(this.#subscriptions), this.onError);
  }

  /**
   * Opens a reader of a topic or pattern, which also gets what no handler of {@link on} does. Parts beside the core are built on
   * it, such as `stateOf`.
   *
   * @returns a function that stops the reader, and returns where another one would have to resume
   */
  read(pattern: string, options: SubscribeOptions, reader: Reader): () => Start {
    this.#open();
    const { signal, from = this.#stored?.take(pattern) ?? 'now' } = options;
    const end = (error?: PushError) => {
      stop();
      reader.end(error);
    };
    const abort = () => end();
    const subscription = new Subscription(
      pattern,
      from,
      (message) =>
        isolate(
          () => (message.event === 'message' ? reader.next(message.data) : reader.notice?.(message)),
          this.onError,
        ),
      () => reader.live?.(),
      end,
    );
    const stop = () => {
      const position = this.#subscriptions.positionOf(subscription);
      this.#subscriptions.delete(subscription);
      signal?.removeEventListener('abort', abort);
      return position;
    };
    if (signal?.aborted || this.signal.aborted) queueMicrotask(end);
    else {
      signal?.addEventListener('abort', abort);
      this.#subscriptions.add(subscription);
    }
    return stop;
  }
}

function closed(): PushError {
  return new PushError('CLOSED', 'The client is closed.');
}
