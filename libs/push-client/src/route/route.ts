import type { PushClient, Stop } from '../connect.js';
import { eventsOf, type Events, type Reader } from '../events.js';
import type { Status, StatusChange } from '../link.js';
import { Listeners, type ListenOptions } from '../listeners.js';
import type { GapNotice } from '../protocol/gap.js';
import type { Ended, PushEvent, Removed, ServerMessage, TopicSnapshot } from '../protocol/messages.js';
import { PushError } from '../push-error.js';
import { messageOf, type RouteFormat } from './route-block.js';
import { RouteStream, type RouteSource } from './route-stream.js';

/** What a route needs of a client. */
export type RouteClient = Pick<PushClient, 'url' | 'options' | 'onError' | 'signal' | 'reconnects'>;

/** Options of a route. */
export interface RouteOptions<Data = unknown> extends RouteFormat<Data>, ListenOptions {
  /** The id of an event: reading begins after it. Default: where the route begins, which is `now` unless the server says otherwise. */
  readonly from?: string;
  /**
   * How often the server says something, in milliseconds: its option `heartbeat`. After twice this time without a word the stream
   * counts as dead, and is opened again. Default: 15,000, as the server's. `Infinity` for a route that returns another observable than
   * that of `EventBus.stream()`: it says nothing by itself.
   */
  readonly heartbeat?: number;
}

/** Options of reading a route in a loop. */
export interface RouteEventsOptions extends ListenOptions {
  /** As that of the route. Default: that of the route. */
  readonly from?: string;
  /** How many events may wait for the loop. At the limit its stream ends, and resumes when the loop has taken them. Default: 1,000. */
  readonly limit?: number;
}

/** An application's own `@Sse()` route, with what the client does for topics. Created by `routeOf`. */
export class Route<Data = unknown> {
  readonly #source: RouteSource;
  readonly #gaps: Listeners<GapNotice>;
  readonly #ends: Listeners<Ended>;
  readonly #snapshots: Listeners<TopicSnapshot>;
  readonly #removals: Listeners<Removed>;
  readonly #statuses: Listeners<StatusChange>;
  readonly #streams = new Set<RouteStream>();
  /** The stream of all handlers. */
  #shared: RouteStream | undefined;
  #change: StatusChange = { status: 'idle' };
  readonly #life = new AbortController();

  constructor(
    push: RouteClient,
    path: string,
    private readonly options: RouteOptions<Data>,
  ) {
    const { onError } = push;
    this.#gaps = new Listeners(onError);
    this.#ends = new Listeners(onError);
    this.#snapshots = new Listeners(onError);
    this.#removals = new Listeners(onError);
    this.#statuses = new Listeners(onError);
    this.#source = {
      url: urlOf(push, path),
      options: push.options,
      heartbeat: options.heartbeat ?? 15_000,
      onError,
      read: (block) => messageOf(block, path, options),
      message: (message) => this.#message(message),
      status: (change) => this.#noteStatus(change),
      gone: (stream) => this.#gone(stream),
    };
    const reconnect = () => this.reconnect();
    push.reconnects.add(reconnect);
    this.#life.signal.addEventListener('abort', () => push.reconnects.delete(reconnect));
    for (const signal of [push.signal, options.signal]) {
      if (signal?.aborted) this.close();
      else signal?.addEventListener('abort', () => this.close(), { signal: this.#life.signal });
    }
  }

  /**
   * The status of its stream. `idle`: nothing reads it. `closed`: it is closed, has ended, or was refused. Where several streams are
   * open (see {@link events}), that of the one whose status has changed last.
   */
  get status(): Status {
    return this.#change.status;
  }

  /** The id up to which its handlers were called; `undefined` before the first, and if nothing has ids. */
  get position(): string | undefined {
    return this.#shared?.position;
  }

  /**
   * Calls `handler` with each event, once and in order. All handlers share one stream. Errors that a handler throws go to the
   * client's `onError`.
   *
   * @returns a function that removes the handler. Its promise `live` resolves when the stream has begun, and rejects if the server
   * refuses it
   */
  on(handler: (data: Data, event: PushEvent<Data>) => unknown, { signal }: ListenOptions = {}): Stop {
    let stop!: () => void;
    const live = new Promise<void>((resolve, reject) => {
      this.#shared ??= new RouteStream(this.#source, this.options.from);
      const reader: Reader = {
        next: (event) => handler(event.data as Data, event as PushEvent<Data>),
        live: resolve,
        end: (error) => reject(error ?? closed()),
      };
      stop = this.#read(this.#shared, reader, signal);
    });
    // If the caller ignores `live`, `onError` still reports a refusal.
    live.catch(() => undefined);
    return Object.assign(stop, { live });
  }

  /**
   * The events, to read in a `for await` loop or through RxJS. Each reader has a stream of its own, so that a slow one delays no
   * other. It throws if the server refuses the stream, and ends when that has ended.
   */
  events({ from = this.options.from, limit, signal }: RouteEventsOptions = {}): Events<Data> {
    return eventsOf(
      (start, reader) => {
        const stream = new RouteStream(this.#source, start);
        const stop = this.#read(stream, reader, signal);
        return () => {
          stop();
          // What has no ids cannot be resumed: it goes on with what is new.
          return stream.position!;
        };
      },
      { from, limit },
    );
  }

  /**
   * Calls `handler` when events are missing that the server no longer has: once for each stream, before any newer event.
   *
   * @returns a function that removes the handler
   */
  onGap(handler: (gap: GapNotice) => unknown, options?: ListenOptions): () => void {
    return this.#gaps.add(handler, options);
  }

  /**
   * Calls `handler` when a finite topic of the route has ended, after all of its events.
   *
   * @returns a function that removes the handler
   */
  onEnded(handler: (end: Ended) => unknown, options?: ListenOptions): () => void {
    return this.#ends.add(handler, options);
  }

  /**
   * Calls `handler` with the whole state of a topic, where the route begins with it (`from: 'snapshot'` on the server).
   *
   * @returns a function that removes the handler
   */
  onSnapshot(handler: (snapshot: TopicSnapshot) => unknown, options?: ListenOptions): () => void {
    return this.#snapshots.add(handler, options);
  }

  /**
   * Calls `handler` when the state of a state topic was removed.
   *
   * @returns a function that removes the handler
   */
  onRemoved(handler: (removed: Removed) => unknown, options?: ListenOptions): () => void {
    return this.#removals.add(handler, options);
  }

  /**
   * Calls `handler` when the status changes.
   *
   * @returns a function that removes the handler
   */
  onStatus(handler: (change: StatusChange) => unknown, options?: ListenOptions): () => void {
    return this.#statuses.add(handler, options);
  }

  /** Opens its streams again with the current credentials, for example after a login. `push.reconnect()` does it too. */
  reconnect(): void {
    for (const stream of this.#streams) stream.retry();
  }

  /** Closes it. Loops and observables complete. The client closes it too. Idempotent. */
  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    for (const stream of this.#streams) stream.end();
    this.#noteStatus({ status: 'closed' });
  }

  #read(stream: RouteStream, reader: Reader, signal: AbortSignal | undefined): () => void {
    if (this.#life.signal.aborted || signal?.aborted) {
      queueMicrotask(() => reader.end());
      return () => undefined;
    }
    this.#streams.add(stream);
    return stream.add(reader, signal);
  }

  #message({ event, data }: ServerMessage): void {
    if (event === 'gap') this.#gaps.emit(data);
    else if (event === 'ended') this.#ends.emit(data);
    else if (event === 'snapshot') this.#snapshots.emit(data);
    else if (event === 'removed') this.#removals.emit(data);
  }

  #gone(stream: RouteStream): void {
    this.#streams.delete(stream);
    if (stream === this.#shared) this.#shared = undefined;
    if (this.#streams.size === 0 && this.status !== 'closed') this.#noteStatus({ status: 'idle' });
  }

  #noteStatus(change: StatusChange): void {
    // Once it is closed, the end of its streams says nothing new.
    if (this.#life.signal.aborted && change.status !== 'closed') return;
    this.#change = change;
    this.#statuses.emit(change);
  }
}

/** The route's url at the client's server: it gets the user's token, and no other server does. */
function urlOf({ url }: RouteClient, path: string): URL {
  const base = new URL(url, (globalThis as { location?: Location }).location?.href);
  const own = new URL(path, base);
  if (own.origin !== base.origin) throw new PushError('REFUSED', `${own.origin} is not the client's server.`);
  return own;
}

function closed(): PushError {
  return new PushError('CLOSED', 'The route is closed.');
}
