import type { Link, LinkListener } from './link.js';
import type { Publish, ServerMessage } from './protocol.js';
import { PushError } from './push-error.js';
import { randomId } from './random-id.js';

/** How an event is published. */
export interface PublishOptions {
  /** The event's type. Default: none. */
  readonly type?: string;
  /** Publishing the same id again stores nothing. Default: a new one for each call. */
  readonly messageId?: string;
  /** Only for who is connected right now: not stored, no id, at most once. Default: `false`. */
  readonly ephemeral?: boolean;
  /** Whether this connection gets the event itself, if it is subscribed. Default: as the server has it, `true`. */
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
  readonly data: Publish;
  readonly resolve: (id: string | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Publishes in order, and knows of each event whether it is stored: what had no answer when a connection was cut is sent
 * again on the next one, under the same message id.
 */
export class Publisher implements Pick<LinkListener, 'up' | 'message'> {
  readonly #waiting = new Map<string, Waiting>();
  readonly #size: number;
  #maxBytes = Infinity;

  constructor(
    private readonly link: Link,
    private readonly options: QueueOptions = {},
  ) {
    this.#size = options.size ?? 1_000;
  }

  publish(topic: string, value: unknown, options: PublishOptions): Promise<string | undefined> {
    const { signal, messageId = randomId(), type, ephemeral, echo } = options;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const ref = randomId();
      const data = { topic, data: snapshot(value), type, messageId, ephemeral, echo, ref };
      this.#makeRoom();
      const abort = () => this.#take(ref)?.reject(signal!.reason);
      signal?.addEventListener('abort', abort);
      const settled = () => signal?.removeEventListener('abort', abort);
      this.#waiting.set(ref, {
        data,
        resolve: (id) => (settled(), resolve(id)),
        reject: (reason) => (settled(), reject(reason as Error)),
      });
      this.#send(data);
    });
  }

  up(): void {
    for (const { data } of this.#waiting.values()) this.#send(data);
  }

  message({ event, data }: ServerMessage): void {
    if (event === 'hello') this.#maxBytes = data.limits.maxMessageBytes;
    else if (event === 'published') this.#take(data.ref)?.resolve(data.id);
    else if (event === 'error') {
      this.#take(data.ref)?.reject(new PushError(data.code, data.message, data.retryable));
    }
  }

  /** Rejects everything that waits. */
  close(error: PushError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #take(ref: string | undefined): Waiting | undefined {
    const waiting = this.#waiting.get(ref!);
    this.#waiting.delete(ref!);
    return waiting;
  }

  #makeRoom(): void {
    if (this.#waiting.size < this.#size) return;
    const error = new PushError('LIMIT_EXCEEDED', `${this.#size} events wait already.`, true);
    if (this.options.full !== 'drop-oldest') throw error;
    this.#take([...this.#waiting.keys()][0])?.reject(error);
  }

  #send(data: Publish): void {
    const message = { event: 'publish', data } as const;
    // The server would close the connection, and get it again after each reconnect.
    const bytes = new TextEncoder().encode(JSON.stringify(message)).length;
    if (bytes <= this.#maxBytes) this.link.send(message);
    else {
      const limit = `The message has ${bytes} bytes; ${this.#maxBytes} are allowed.`;
      this.#take(data.ref)!.reject(new PushError('DATA_TOO_LARGE', limit));
    }
  }
}

/** What is published is what was given, whatever becomes of it while it waits. */
function snapshot(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch (error) {
    throw new PushError('DATA_NOT_SERIALIZABLE', `The data is not JSON: ${String(error)}`);
  }
}
