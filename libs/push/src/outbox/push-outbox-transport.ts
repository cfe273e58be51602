import type { PublishOptions } from '../bus/publish.options.js';
import type { PushError } from '../contracts/errors.js';
import { isPermanent } from './fault.js';

/** The `EventBus`, whatever topics it declares. */
export interface OutboxTransportBus {
  publish(
    topic: string,
    data: never,
    options: PublishOptions & { readonly ephemeral?: false },
  ): Promise<unknown>;
}

/** What a transport needs of a message of `@nestjs/outbox`. */
export interface OutboxTransportMessage {
  readonly id: string;
  readonly topic: string;
  readonly payload: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Options of {@link PushOutboxTransport}. */
export interface PushOutboxTransportOptions {
  /**
   * Makes the error for a message that can never be published: an invalid topic, data that are too large, a topic that has ended.
   * `(message, cause) => new NonRetryableMessageError(message, { cause })` has `@nestjs/outbox` put it aside at once. Default: the
   * `PushError` itself, which it tries again until its attempts are used up.
   */
  readonly nonRetryable?: (message: string, cause: PushError) => Error;
}

/**
 * A transport for `@nestjs/outbox`: what the application adds there in its transactions is published. A message's `id` is the
 * `messageId`, so that one that is sent again is stored once; its `headers` are the metadata.
 *
 * `OutboxModule.forRootAsync({ inject: [EventBus], useFactory: (bus) => ({ transports: { push: new PushOutboxTransport(bus) } }) })`
 */
export class PushOutboxTransport {
  constructor(
    private readonly bus: OutboxTransportBus,
    private readonly options: PushOutboxTransportOptions = {},
  ) {}

  /**
   * Publishes a message. Once `signal` aborts, it waits no longer; the event may be stored all the same, and publishing the message
   * again stores no second one.
   *
   * @throws what `nonRetryable` makes; the `PushError` of `EventBus.publish`; the signal's reason
   */
  async publish(message: OutboxTransportMessage, options?: { readonly signal?: AbortSignal }): Promise<void> {
    options?.signal?.throwIfAborted();
    const { id, topic, payload, headers } = message;
    const published = this.bus.publish(topic, payload as never, { messageId: id, meta: headers });
    try {
      await unlessAborted(published, options?.signal);
    } catch (error) {
      throw isPermanent(error)
        ? (this.options.nonRetryable?.(`Message ${id}: ${error.message}`, error) ?? error)
        : error;
    }
  }
}

/** The promise's result, unless `signal` aborts first: then its reason. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const settle = (done: () => void) => {
      signal.removeEventListener('abort', abort);
      done();
    };
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
  });
}
