import type { Link, LinkListener } from './link.js';
import type { ErrorReport, Publish, ServerMessage } from './protocol/messages.js';
import { PushError } from './push-error.js';
import { randomId } from './random-id.js';

/** How many events may be in flight without an answer. More would only exceed the server's limits. */
const window = 32;

/** How long to wait when the server temporarily accepts no more events, in milliseconds. */
const pause = 1_000;

/** Options of publishing an event. */
export interface PublishOptions {
  /** The event's type. Default: none. */
  readonly type?: string;
  /** An event whose id was published before is not stored again. Default: a new one for each call. */
  readonly messageId?: string;
  /**
   * Comes back with the event (`event.tag`), to all who read the topic: a page recognises by it what it has published, also before
   * `publish` resolves. 1 to 128 visible ASCII characters. Default: none.
   */
  readonly tag?: string;
  /**
   * Whether the event is only for clients that are connected now: not stored, without an id, delivered at most once. It is
   * rejected without a connection, and if the connection is lost before the answer. Default: `false`.
   */
  readonly ephemeral?: boolean;
  /** Whether this client (all tabs that share the connection) gets the event itself, now or after a reconnect. Default: `true`. */
  readonly echo?: boolean;
  /**
   * Compare and set, for state topics: the event is stored only if the topic's newest one has this id, or with `'none'` only if
   * the topic has no state; else publishing rejects with `CONFLICT`. Default: stored whatever is there.
   */
  readonly expect?: string;
  /**
   * Takes a state topic's state away, where a policy of the server has `canRemove`; the data does not count. `removeState` of
   * `nestjs-push-client/state` says it better. Default: `false`.
   */
  readonly remove?: boolean;
  /** Stops waiting for the answer. The event may still be stored. */
  readonly signal?: AbortSignal;
}

/** How many events may wait while there is no connection. */
export interface QueueOptions {
  /** How many events may wait, including those sent without an answer yet. Default: 1,000. */
  readonly size?: number;
  /**
   * What happens to an event beyond that: `reject` rejects it, `drop-oldest` rejects the oldest one, both with
   * `LIMIT_EXCEEDED`. Default: `reject`.
   */
  readonly full?: 'reject' | 'drop-oldest';
}

interface Waiting {
  readonly data: Publish & { readonly ref: string };
  readonly resolve: (id: string | undefined) => void;
  readonly reject: (reason: unknown) => void;
  /** Whether it was sent on this connection. It has no answer yet. */
  isSent?: boolean;
}

/**
 * Publishes events in order, and keeps each until the server has answered. Sends an event again, with the same message id, if the
 * connection was lost before the answer, or if the server could not accept it at that time.
 */
export class Publisher implements Pick<LinkListener, 'up' | 'message'> {
  readonly #waiting = new Map<string, Waiting>();
  readonly #size: number;
  #maxBytes = Infinity;
  #isUp = false;
  #inFlight = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: Pick<Link, 'send'>,
    private readonly options: QueueOptions = {},
  ) {
    this.#size = options.size ?? 1_000;
  }

  publish(topic: string, value: unknown, options: PublishOptions): Promise<string | undefined> {
    const { signal, messageId = randomId(), ...rest } = options;
    const ref = randomId();
    const abort = () => this.#take(ref)?.reject(signal!.reason);
    const answer = new Promise<string | undefined>((resolve, reject) => {
      signal?.throwIfAborted();
      const data = { ...rest, topic, data: snapshot(value), messageId, ref };
      if (rest.ephemeral && !this.#isUp) throw notConnected();
      this.#makeRoom();
      this.#waiting.set(ref, { data, resolve, reject });
      signal?.addEventListener('abort', abort);
      this.#send();
    });
    return answer.finally(() => signal?.removeEventListener('abort', abort));
  }

  up(): void {
    this.down();
    this.#isUp = true;
    this.#send();
  }

  /** The connection is lost. */
  down(): void {
    this.#isUp = false;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#inFlight = 0;
    for (const waiting of this.#waiting.values()) {
      const { data, isSent } = waiting;
      waiting.isSent = false;
      // It may have been delivered, and the server would not recognise a repetition.
      if (data.ephemeral && isSent) this.#take(data.ref)!.reject(notConnected());
    }
  }

  message({ event, data }: ServerMessage): void {
    if (event === 'hello') this.#maxBytes = data.limits.maxMessageBytes;
    else if (event === 'published') this.#take(data.ref)?.resolve(data.id);
    else if (event === 'error') this.#refused(data);
    else return;
    this.#send();
  }

  /** Rejects all waiting events. */
  close(error: PushError): void {
    this.down();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #take(ref: string | undefined): Waiting | undefined {
    const waiting = this.#waiting.get(ref!);
    this.#waiting.delete(ref!);
    if (waiting?.isSent) this.#inFlight--;
    return waiting;
  }

  #makeRoom(): void {
    if (this.#waiting.size < this.#size) return;
    const error = new PushError('LIMIT_EXCEEDED', `${this.#size} events wait.`, true);
    if (this.options.full !== 'drop-oldest') throw error;
    this.#take([...this.#waiting.keys()][0])?.reject(error);
  }

  #refused({ ref, code, message, retryable, details }: ErrorReport): void {
    const waiting = this.#waiting.get(ref!);
    if (!waiting) return;
    if (!retryable) return this.#take(ref)!.reject(new PushError(code, message, false, undefined, details));
    // The server could not accept it now. It stays in the queue, in order.
    waiting.isSent = false;
    this.#inFlight--;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#send();
    }, pause);
  }

  #send(): void {
    if (!this.#isUp || this.#pause) return;
    for (const waiting of this.#waiting.values()) {
      if (this.#inFlight >= window) return;
      if (!waiting.isSent && this.#fits(waiting.data)) {
        waiting.isSent = true;
        this.#inFlight++;
        this.link.send({ event: 'publish', data: waiting.data });
      }
    }
  }

  /** Rejects an event that is too large: the server would close the connection, and that after each reconnect. */
  #fits(data: Waiting['data']): boolean {
    const bytes = new TextEncoder().encode(JSON.stringify({ event: 'publish', data })).length;
    if (bytes <= this.#maxBytes) return true;
    const limit = `${bytes} of ${this.#maxBytes} bytes.`;
    this.#take(data.ref)!.reject(new PushError('DATA_TOO_LARGE', limit));
    return false;
  }
}

function notConnected(): PushError {
  return new PushError('UNAVAILABLE', 'There is no connection.', true);
}

/** Copies the data, since the application may change it while it waits. */
function snapshot(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch (error) {
    throw new PushError('DATA_NOT_SERIALIZABLE', `Not JSON: ${String(error)}`);
  }
}
