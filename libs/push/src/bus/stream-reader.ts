import type { Subscriber } from 'rxjs';
import { randomUUID } from 'node:crypto';
import type { Connection, GapNotice, WorkBudget } from '../contracts/connection.js';
import { endOf, type End } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import type { Principal } from '../contracts/principal.js';
import { isSnapshot } from '../contracts/snapshot.js';
import { assertPattern, isWildcard } from '../contracts/topic.js';
import type { TransportCounts } from '../hub/counts.js';
import type { Hub } from '../hub/hub.js';
import type { Start } from '../protocol/topics.js';
import {
  EventStream,
  type StreamEnd,
  type StreamEvent,
  type StreamMessage,
  type StreamOptions,
} from './event-stream.js';

/** A client for which the application's own code reads event streams, such as the client of an `@Sse()` route. */
export interface StreamClient {
  /** The id that the client resumes from, if it sent one. */
  readonly lastEventId: string | undefined;
  /** The budget that pays for reading. */
  readonly budget: WorkBudget | undefined;
  /** The principal that snapshots are loaded for. */
  readonly principal: Principal | undefined;
  /** Notes that a stream is created or read for the client. */
  markAsReader(): void;
  /** Notes that all topics of a stream have ended: a client that has read to its end need not come back. */
  markAsEnded(): void;
  /** Notes that a stream begins at `start`, which is the position `id`. */
  begin(start: Start, id: string): void;
  /** Notes that the client is present in topics that it reads. */
  present(topics: readonly string[], presence: NonNullable<StreamOptions['presence']>): void;
  /** Sets the id of the event or gap that the application's code is handling; `undefined` when that code has returned. */
  setCurrentEvent(id: string | undefined): void;
}

/** Returns the client that the running code serves; `undefined` if it serves none. */
export type CurrentClient = () => StreamClient | undefined;

/**
 * A stream of some topics. It reads for the client that is current at the time of the subscription; if there is none, for
 * the client that was current when the stream was created.
 */
export function streamOf(
  hub: Hub,
  topics: readonly string[],
  options: StreamOptions,
  currentClient: CurrentClient,
): EventStream {
  const creator = currentClient();
  creator?.markAsReader();
  return new EventStream(topics, options, (subscriber) => {
    const client = currentClient() ?? creator;
    client?.markAsReader();
    // What the application reads for itself is delivered to no client.
    const counts = client && hub.counts.of('sse');
    const reader = new StreamReader(subscriber, options.envelope ?? false, client, counts);
    const cursor = hub.join(reader);
    subscriber.add(() => cursor.leave());
    // An id from a query may be empty; an empty one counts as none.
    const start = client?.lastEventId || options.from || 'now';
    cursor.subscribe(topics, start, (id) => client?.begin(start, id), {
      snapshot: options.from === 'snapshot',
    });
    if (options.presence) client?.present(topics, options.presence);
  });
}

/** Reads the log for an RxJS subscriber. It is never full, since RxJS has no backpressure. */
class StreamReader implements Connection {
  readonly id = randomUUID();

  constructor(
    private readonly subscriber: Subscriber<StreamMessage>,
    private readonly envelope: boolean,
    private readonly client: StreamClient | undefined,
    private readonly counts: TransportCounts | undefined,
  ) {}

  get budget(): WorkBudget | undefined {
    return this.client?.budget;
  }

  get principal(): Principal | undefined {
    return this.client?.principal;
  }

  write(batch: Batch): boolean {
    this.counts?.read(batch);
    for (const event of batch.events) {
      const end = endOf(event);
      if (!end || end.data === 'event') this.next(event.id, this.message(event));
      if (end) this.next(event.id, this.ending(event, end));
    }
    return true;
  }

  gap(notice: GapNotice): boolean {
    this.next(notice.id, { type: 'push.gap', id: notice.id, data: { ...notice } });
    return true;
  }

  ended(_topics: readonly string[], isLast: boolean): void {
    if (!isLast) return;
    this.client?.markAsEnded();
    this.subscriber.complete();
  }

  fail(error: PushError): void {
    this.subscriber.error(error);
  }

  private next(id: string | undefined, message: StreamMessage): void {
    this.client?.setCurrentEvent(id);
    this.subscriber.next(message);
    this.client?.setCurrentEvent(undefined);
  }

  private ending({ topic, id }: LogEvent, { reason }: End): StreamEnd {
    return { type: 'push.ended', data: { topic, reason }, ...(id && { id }) };
  }

  private message(event: LogEvent): StreamEvent {
    const payload = JSON.parse(event.data) as StreamEvent['data'];
    const data = this.envelope ? { topic: event.topic, data: payload } : payload;
    const { id, type, meta } = event;
    if (isSnapshot(event))
      return { type: 'push.snapshot', data: { topic: event.topic, data: payload }, ...(id && { id }) };
    return { data, ...(id && { id }), ...(type && { type }), ...(meta && { meta }) };
  }
}

/** @throws PushError `INVALID_TOPIC` for a pattern that may have come from a client */
export function assertExact(pattern: string): void {
  assertPattern(pattern);
  if (!isWildcard(pattern)) return;
  const hint =
    'Write what a client brings as topic`orders.${id}`; for patterns of your own add { wildcards: true }.';
  throw new PushError(
    'INVALID_TOPIC',
    `${JSON.stringify(pattern)} is a wildcard, and not one topic. ${hint}`,
  );
}
