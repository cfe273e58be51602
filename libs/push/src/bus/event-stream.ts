import type { MessageEvent } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import { randomUUID } from 'node:crypto';
import type { Connection, GapNotice } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import type { Start } from '../hub/cursor.js';
import type { Hub } from '../hub/hub.js';

/** How `EventBus.stream()` reads. */
export interface StreamOptions {
  /**
   * Where a new reader begins: `now` (default), `last`, `earliest`, or an event's id. A client that comes back goes on
   * behind the `Last-Event-ID` that it brings, whatever is said here.
   */
  readonly from?: Start;
  /** Wrap the data as `{ topic, data }`, for streams of several topics. Default: `false`. */
  readonly envelope?: boolean;
}

let resumption: string | undefined;

/**
 * Runs `run` for a client that brings a last event id: the event streams that are made or subscribed to in it,
 * synchronously, go on from there. This is how `Last-Event-ID` reaches a stream through any pipe.
 */
export function resuming<T>(lastEventId: string | undefined, run: () => T): T {
  const outer = resumption;
  resumption = lastEventId;
  try {
    return run();
  } finally {
    resumption = outer;
  }
}

/**
 * The events of some topics, as Nest's `@Sse()` takes them. Cold: each subscriber has its own place in the log. It never
 * completes by itself; gaps come as messages of type `push.gap`.
 */
export class EventStream extends Observable<MessageEvent> {
  private readonly resumedAtCreation = resumption;

  constructor(
    readonly hub: Hub,
    readonly topics: readonly string[],
    readonly options: StreamOptions,
  ) {
    super((subscriber) => {
      const reader = new StreamReader(subscriber, options.envelope ?? false);
      const cursor = hub.join(reader);
      subscriber.add(() => cursor.leave());
      cursor.subscribe(topics, this.start);
    });
  }

  /** Where a reader that subscribes now begins. */
  get start(): Start {
    return resumption ?? this.resumedAtCreation ?? this.options.from ?? 'now';
  }
}

/** A reader within the process: always ready, since RxJS has no way to say otherwise. */
class StreamReader implements Connection {
  readonly id = randomUUID();

  constructor(
    private readonly subscriber: Subscriber<MessageEvent>,
    private readonly envelope: boolean,
  ) {}

  write(batch: Batch): boolean {
    for (const event of batch.events) this.subscriber.next(this.message(event));
    return true;
  }

  gap(notice: GapNotice): boolean {
    this.subscriber.next({ type: 'push.gap', id: notice.id, data: { ...notice } });
    return true;
  }

  fail(error: PushError): void {
    this.subscriber.error(error);
  }

  private message(event: LogEvent): MessageEvent {
    const payload = JSON.parse(event.data) as MessageEvent['data'];
    const data = this.envelope ? { topic: event.topic, data: payload } : payload;
    return { data, ...(event.id && { id: event.id }), ...(event.type && { type: event.type }) };
  }
}
