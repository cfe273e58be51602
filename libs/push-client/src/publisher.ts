import type { Link, LinkListener } from './link.js';
import type { ErrorReport, Publish, ServerMessage } from './protocol/messages.js';
import { PushError } from './push-error.js';
import { randomId } from './random-id.js';

/** How many events may be on their way without an answer: more would only run into the server's limits. */
const window = 32;

/** How long to wait when the server takes no more for the moment, in milliseconds. */
const pause = 1_000;

/** How an event is published. */
export interface PublishOptions {
  /** The event's type. Default: none. */
  readonly type?: string;
  /** Publishing the same id again stores nothing. Default: a new one for each call. */
  readonly messageId?: string;
  /**
   * Only for clients that are connected right now: not stored, no id, at most once. It is rejected where there is no
   * connection, and if it has no answer when the connection is cut. Default: `false`.
   */
  readonly ephemeral?: boolean;
  /** Whether this client (all tabs that share the connection) gets the event itself, now or after a reconnect. Default: `true`. */
  readonly echo?: boolean;
  /** Gives up waiting; the event may have been stored nevertheless. */
  readonly signal?: AbortSignal;
}

/** What may wait while there is no connection. */
export interface QueueOptions {
  /** How many events wait at most, those without an answer included. Default: 1,000. */
  readonly size?: number;
  /**
   * What happens to one more: `reject` rejects it, `drop-oldest` rejects the one that waits longest. Both with
   * `LIMIT_EXCEEDED`. Default: `reject`.
   */
  readonly full?: 'reject' | 'drop-oldest';
}

interface Waiting {
  readonly data: Publish & { readonly ref: string };
  readonly resolve: (id: string | undefined) => void;
  readonly reject: (reason: unknown) => void;
  /** It has no answer yet. */
  isSent?: boolean;
}

/**
 * Publishes in order, and knows of each event whether it is stored: what had no answer when a connection was cut is sent
 * again on the next one, under the same message id, and so is what the server could not take for the moment.
 */
export class Publisher implements Pick<LinkListener, 'up' | 'message'> {
  readonly #waiting = new Map<string, Waiting>();
  readonly #size: number;
  #maxBytes = Infinity;
  #isUp = false;
  #onTheirWay = 0;
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
      if (rest.ephemeral && !this.#isUp) throw away();
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

  /** The connection is gone. */
  down(): void {
    this.#isUp = false;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#onTheirWay = 0;
    for (const waiting of this.#waiting.values()) {
      const { data, isSent } = waiting;
      waiting.isSent = false;
      // It may have been delivered or not, and the server does not recognise it if it comes again.
      if (data.ephemeral && isSent) this.#take(data.ref)!.reject(away());
    }
  }

  message({ event, data }: ServerMessage): void {
    if (event === 'hello') this.#maxBytes = data.limits.maxMessageBytes;
    else if (event === 'published') this.#take(data.ref)?.resolve(data.id);
    else if (event === 'error') this.#refused(data);
    else return;
    this.#send();
  }

  /** Rejects everything that waits. */
  close(error: PushError): void {
    this.down();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #take(ref: string | undefined): Waiting | undefined {
    const waiting = this.#waiting.get(ref!);
    this.#waiting.delete(ref!);
    if (waiting?.isSent) this.#onTheirWay--;
    return waiting;
  }

  #makeRoom(): void {
    if (this.#waiting.size < this.#size) return;
    const error = new PushError('LIMIT_EXCEEDED', `${this.#size} events wait already.`, true);
    if (this.options.full !== 'drop-oldest') throw error;
    this.#take([...this.#waiting.keys()][0])?.reject(error);
  }

  #refused({ ref, code, message, retryable, details }: ErrorReport): void {
    const waiting = this.#waiting.get(ref!);
    if (!waiting) return;
    if (!retryable) return this.#take(ref)!.reject(new PushError(code, message, false, undefined, details));
    // The server could not take it now. It keeps its place.
    waiting.isSent = false;
    this.#onTheirWay--;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#send();
    }, pause);
  }

  #send(): void {
    if (!this.#isUp || this.#pause) return;
    for (const waiting of this.#waiting.values()) {
      if (this.#onTheirWay >= window) return;
      if (!waiting.isSent && this.#fits(waiting.data)) {
        waiting.isSent = true;
        this.#onTheirWay++;
        this.link.send({ event: 'publish', data: waiting.data });
      }
    }
  }

  /** The server would close the connection, and get it again after each reconnect. */
  #fits(data: Waiting['data']): boolean {
    const bytes = new TextEncoder().encode(JSON.stringify({ event: 'publish', data })).length;
    if (bytes <= this.#maxBytes) return true;
    const limit = `The message has ${bytes} bytes; ${this.#maxBytes} are allowed.`;
    this.#take(data.ref)!.reject(new PushError('DATA_TOO_LARGE', limit));
    return false;
  }
}

function away(): PushError {
  return new PushError('UNAVAILABLE', 'No connection: ephemeral events do not wait for one.', true);
}

/** What is published is what was given, whatever becomes of it while it waits. */
function snapshot(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch (error) {
    throw new PushError('DATA_NOT_SERIALIZABLE', `The data is not JSON: ${String(error)}`);
  }
}
