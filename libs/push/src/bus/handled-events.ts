import { randomUUID } from 'node:crypto';
import { Observable, Subscriber, type Observer } from 'rxjs';
import type { Connection } from '../contracts/connection.js';
import type { Batch } from '../contracts/event.js';
import type { Hub } from '../hub/hub.js';

/** An event as the server's own handlers get it. */
export interface PushEvent<Data = unknown> {
  /** `undefined` for ephemeral events. */
  readonly id: string | undefined;
  readonly topic: string;
  readonly type: string | undefined;
  readonly data: Data;
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
  return new HandledEvents<Data>(onError, (subscriber) => {
    const reader: Connection = {
      id: randomUUID(),
      write(batch: Batch) {
        for (const { id, topic, type, data } of batch.events) {
          subscriber.next({ id, topic, type, data: JSON.parse(data) as Data });
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

class HandledEvents<Data> extends Observable<PushEvent<Data>> {
  constructor(
    private readonly onError: (error: unknown) => void,
    subscribe: (subscriber: Subscriber<PushEvent<Data>>) => () => void,
  ) {
    super(subscribe);
  }

  override subscribe(
    observerOrNext?: Partial<Observer<PushEvent<Data>>> | ((event: PushEvent<Data>) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ) {
    // Operators subscribe with a Subscriber of their own, which handles errors as RxJS does.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer: Partial<Observer<PushEvent<Data>>> =
      typeof observerOrNext === 'function'
        ? { next: observerOrNext, error: error ?? undefined, complete: complete ?? undefined }
        : (observerOrNext ?? {});
    return super.subscribe({
      next: (event) => this.isolated(() => observer.next?.(event)),
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
