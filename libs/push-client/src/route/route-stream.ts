import { Connection } from '../connection.js';
import type { ConnectOptions } from '../connect.options.js';
import type { Reader } from '../events.js';
import type { Link, StatusChange } from '../link.js';
import { isolate } from '../listeners.js';
import { followPage } from '../page.js';
import type { ServerMessage } from '../protocol/messages.js';
import type { PushError } from '../push-error.js';
import type { SseBlock } from '../transports/sse-parser.js';
import { RouteTransport, type RouteCursor } from './route-transport.js';

/** What the streams of a route have in common. */
export interface RouteSource extends Pick<RouteCursor, 'heartbeat' | 'read' | 'onError'> {
  readonly url: URL;
  readonly options: ConnectOptions;
  /** Gets what the stream says, after its readers. */
  message(message: ServerMessage): void;
  status(change: StatusChange): void;
  /** The stream is closed, and is not used again. */
  gone(stream: RouteStream): void;
}

/**
 * One event stream of a route, with its readers: kept open until its last reader has left, or the server has ended or refused it.
 * It resumes at its own position.
 */
export class RouteStream implements RouteCursor {
  readonly heartbeat: number;
  readonly onError: (error: unknown) => void;
  /** Each with the function that takes it away. */
  readonly #readers = new Map<Reader, () => void>();
  readonly #page = new AbortController();
  readonly #link: Link;
  #isLive = false;

  /** @param position the id after which it begins */
  constructor(
    private readonly source: RouteSource,
    public position: string | undefined,
  ) {
    this.heartbeat = source.heartbeat;
    this.onError = source.onError;
    this.#link = new Connection(
      source.url,
      { ...source.options, transports: ['sse'] },
      {
        up: () => undefined,
        message: (message) => this.#message(message),
        status: (change) => this.#status(change),
      },
      (destination, events) => new RouteTransport(destination, events, this),
    );
  }

  /**
   * The first reader opens it, the last one closes it.
   *
   * @returns a function that takes the reader away. Idempotent
   */
  add(reader: Reader, signal?: AbortSignal): () => void {
    const stop = () => {
      signal?.removeEventListener('abort', abort);
      if (this.#readers.delete(reader) && this.#readers.size === 0) this.#close();
    };
    const abort = () => {
      stop();
      reader.end();
    };
    signal?.addEventListener('abort', abort);
    if (this.#readers.size === 0) followPage(this.#link, this.#page.signal, () => undefined);
    this.#readers.set(reader, stop);
    this.#link.open();
    if (this.#isLive) queueMicrotask(() => this.#readers.has(reader) && reader.live?.());
    return stop;
  }

  /** Tries again at once, with the current credentials. */
  retry(): void {
    this.#link.nudge(true);
  }

  /** Ends its readers. */
  end(error?: PushError): void {
    for (const [reader, stop] of this.#readers) {
      stop();
      isolate(() => reader.end(error), this.onError);
    }
  }

  read(block: SseBlock): ServerMessage | undefined {
    return this.source.read(block);
  }

  #close(): void {
    this.#page.abort();
    this.#link.rest({ status: 'idle' });
    this.source.gone(this);
  }

  #message(message: ServerMessage): void {
    for (const reader of this.#readers.keys())
      isolate(
        () => (message.event === 'message' ? reader.next(message.data) : reader.notice?.(message)),
        this.onError,
      );
    this.source.message(message);
  }

  #status(change: StatusChange): void {
    const { status, error } = change;
    this.#isLive = status === 'live';
    // It is closed. The route says so itself.
    if (this.#page.signal.aborted) return;
    this.source.status(change);
    // A stream that has ended before it is read is one that misses nothing.
    if (this.#isLive || (status === 'closed' && !error))
      for (const reader of this.#readers.keys()) reader.live?.();
    // Who the user is may change: the readers wait for `retry`.
    if (status !== 'closed' || error?.code === 'UNAUTHENTICATED') return;
    if (error) this.onError(error);
    this.end(error);
  }
}
