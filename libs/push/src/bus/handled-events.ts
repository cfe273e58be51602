import { randomUUID } from 'node:crypto';
import { Observable, Subscriber, type Observer, type Operator } from 'rxjs';
import type { Connection } from '../contracts/connection.js';
import type { EventMeta } from '../contracts/event-meta.js';
import type { Batch } from '../contracts/event.js';
import type { Hub } from '../hub/hub.js';

/** An event as the server's own handlers get it. */
export interface PushEvent<Data = unknown> {
  /** `undefined` for ephemeral events. */
  readonly id: string | undefined;
  readonly topic: string;
  readonly type: string | undefined;
  readonly data: Data;
  /** What it was published with beside its data (`PublishOptions.meta`); `undefined` for none. */
  readonly meta: EventMeta | undefined;
}

/**
 * The events of `pattern` from now on. Observers are isolated: what one throws, or a promise of its that rejects, goes to
 * `onError`; RxJS alone would end the process with it.
 */
export function handle<Data>(
  hub: Hub,
  pattern: string,
  onError: (error: unknown) => void,
): Observable<PushEvent<Data>> {
  return new HandledEvents<PushEvent<Data>>(onError, (subscriber) => {
    const reader: Connection = {
      id: randomUUID(),
      write(batch: Batch) {
        for (const { id, topic, type, data, meta } of batch.events) {
          subscriber.next({ id, topic, type, data: JSON.parse(data) as Data, meta });
        }
        return true;
      },
      gap: () => true,
      fail: (error) => subscriber.error(error),
    };
    const cursor = hub.join(reader);
    cursor.subscribe([pattern], 'now');
    return () => cursor.leave();
  });
}

class HandledEvents<Value> extends Observable<Value> {
  constructor(
    private readonly onError: (error: unknown) => void,
    subscribe?: (subscriber: Subscriber<Value>) => () => void,
  ) {
    super(subscribe);
  }

  /** By this, what operators make of it is of this class too, and the handler behind a pipe is as isolated. */
  override lift<Result>(operator?: Operator<Value, Result>): Observable<Result> {
    const lifted = new HandledEvents<Result>(this.onError);
    lifted.source = this;
    lifted.operator = operator;
    return lifted;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<Value>> | ((value: Value) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ) {
    // Operators subscribe with a Subscriber of their own, which handles errors as RxJS does.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer: Partial<Observer<Value>> =
      typeof observerOrNext === 'function'
        ? { next: observerOrNext, error: error ?? undefined, complete: complete ?? undefined }
        : (observerOrNext ?? {});
    return super.subscribe({
      next: (value) => this.isolated(() => observer.next?.(value)),
      error: (reason: unknown) => (observer.error ? observer.error(reason) : this.onError(reason)),
      complete: () => observer.complete?.(),
    });
  }

  private isolated(run: () => unknown): void {
    try {
      const result = run();
      if (result instanceof Promise) result.catch(this.onError);
    } catch (error) {
      this.onError(error);
    }
  }
}
