import { randomUUID } from 'node:crypto';
import { Observable, Subscriber, type Observer, type Operator } from 'rxjs';
import type { Connection } from '../contracts/connection.js';
import type { EventMeta } from '../contracts/event-meta.js';
import type { Batch } from '../contracts/event.js';
import type { Hub } from '../hub/hub.js';
import { noteOutcome, outcomeOf } from './handler-outcome.js';
import type { RunningCalls } from './running-calls.js';

/** An event, as the server's own handlers get it: see `EventBus.on()`. */
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
 * The events of `pattern` from now on. An error of an observer (it throws, or returns a promise that rejects) is reported
 * by `calls`, and its subscription goes on: with RxJS alone, such an error ends the process.
 */
export function handledEvents<Data>(
  hub: Hub,
  pattern: string,
  calls: RunningCalls,
): Observable<PushEvent<Data>> {
  return new HandledEvents<PushEvent<Data>>(calls, (subscriber) => {
    const reader: Connection = {
      id: randomUUID(),
      write(batch: Batch) {
        for (const event of batch.events) {
          const { id, topic, type, data, meta } = event;
          const handled = { id, topic, type, data: JSON.parse(data) as Data, meta };
          if (!hub.tracer) subscriber.next(handled);
          else hub.tracer.handle(event, pattern, () => outcomeOf(() => subscriber.next(handled)));
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

/** An observable whose observers cannot end the process, nor each other. */
export class HandledEvents<Value> extends Observable<Value> {
  constructor(
    private readonly calls: RunningCalls,
    subscribe?: (subscriber: Subscriber<Value>) => () => void,
  ) {
    super(subscribe);
  }

  /** Operators call this to make their results. They have to be of this class too, or an observer of a pipe would not be isolated. */
  override lift<Result>(operator?: Operator<Value, Result>): Observable<Result> {
    const lifted = new HandledEvents<Result>(this.calls);
    lifted.source = this;
    lifted.operator = operator;
    return lifted;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<Value>> | ((value: Value) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ) {
    // An operator subscribes with a Subscriber of its own. It passes errors on to the end of the pipe, where they are handled.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer: Partial<Observer<Value>> =
      typeof observerOrNext === 'function'
        ? { next: observerOrNext, error: error ?? undefined, complete: complete ?? undefined }
        : (observerOrNext ?? {});
    return super.subscribe({
      next: (value) => this.isolated(() => observer.next?.(value)),
      error: (reason: unknown) => {
        noteOutcome(() => Promise.reject(reason as Error));
        if (observer.error) observer.error(reason);
        else this.calls.report(reason);
      },
      complete: () => observer.complete?.(),
    });
  }

  private isolated(run: () => unknown): void {
    try {
      const result = run();
      if (!(result instanceof Promise)) return;
      this.calls.add(result);
      noteOutcome(() => result);
    } catch (error) {
      noteOutcome(() => Promise.reject(error as Error));
      this.calls.report(error);
    }
  }
}
