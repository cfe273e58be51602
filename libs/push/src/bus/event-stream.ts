import type { MessageEvent } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import { randomUUID } from 'node:crypto';
import type { Connection, GapNotice, WorkBudget } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import type { Start } from '../hub/replay/cursor.js';
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
  /**
   * Whether the topics may have wildcards. Say so where the code alone writes them: whatever a client brings could be `>`.
   * Default: `false`.
   */
  readonly wildcards?: boolean;
}

/** What a message's `data` may be, for Nest: it writes strings as they are, and anything else as JSON. */
type MessageData<Data> = [Data] extends [string | object] ? Data : string | object;

/** An event as it comes out of a stream. */
export interface StreamEvent<Data = unknown> extends MessageEvent {
  /** `undefined` for ephemeral events. */
  readonly id?: string;
  readonly type?: string;
  readonly data: MessageData<Data>;
}

/** A gap notice as it comes out of a stream, before anything newer. Let it through in a pipe: the client has to know. */
export interface StreamGap extends MessageEvent {
  readonly id: string;
  readonly type: 'push.gap';
  readonly data: GapNotice;
}

/** What comes out of a stream; {@link isGap} tells which. */
export type StreamMessage<Data = unknown> = StreamEvent<Data> | StreamGap;

/** Whether a message of a stream is a gap notice, and not an event: no event can have its type. */
export function isGap(message: StreamMessage): message is StreamGap {
  return message.type === 'push.gap';
}

/** What the events of a stream carry, by how it is read. */
export type StreamData<Data, Options extends StreamOptions> = Options extends { readonly envelope: true }
  ? { readonly topic: string; readonly data: Data }
  : Data;

/** Where the client of a route is in the log, while events reach it through the application's own pipe. */
export class Place {
  /** Whether any event stream is made or read for this client. */
  isUsed = false;
  /** The id that the client should have before anything is sent: only of one that starts now. */
  opening: string | undefined;
  /** Whoever resumes from here gets everything that the pipe has not sent yet. */
  reached: string | undefined;
  /** The event that is being handed to the pipe: what the pipe sends in this very moment comes from it. */
  passing: string | undefined;
  /** What reading for the client is charged to. */
  budget: WorkBudget | undefined;

  /** @param lastEventId the id that the client brings */
  constructor(readonly lastEventId: string | undefined) {}

  /** A stream begins to be read from `start`, which is the position `id`. */
  begin(start: Start, id: string): void {
    if (this.reached === undefined && start === 'now') this.opening = id;
    this.reached ??= id;
  }

  /** The id of a message that the pipe sends: its own, or that of the event which it comes from. */
  idOf(own: string | undefined): string | undefined {
    this.opening = undefined;
    return (this.reached = own ?? this.passing ?? this.reached);
  }
}

let present: Place | undefined;

/**
 * Runs `run` for the client at `place`: the event streams that are made or subscribed to in it, synchronously, go on from
 * its last event id. This is how `Last-Event-ID` reaches a stream through a pipe.
 */
export function servedTo<T>(place: Place, run: () => T): T {
  const outer = present;
  present = place;
  try {
    return run();
  } finally {
    present = outer;
  }
}

/**
 * The events of some topics, as Nest's `@Sse()` takes them. Cold: each subscriber has its own place in the log. It never
 * completes by itself; gaps come as messages of type `push.gap`.
 */
export class EventStream<Data = unknown> extends Observable<StreamMessage<Data>> {
  private readonly creator = present;

  constructor(
    /** @internal */
    readonly hub: Hub,
    readonly topics: readonly string[],
    readonly options: StreamOptions,
  ) {
    super((subscriber: Subscriber<StreamMessage>) => {
      const { start, place } = this;
      const reader = new StreamReader(subscriber, options.envelope ?? false, place);
      const cursor = hub.join(reader);
      subscriber.add(() => cursor.leave());
      cursor.subscribe(topics, start, (id) => place?.begin(start, id));
    });
    if (present) present.isUsed = true;
  }

  /** Where a reader that subscribes now begins. */
  get start(): Start {
    // An empty one, as queries have it, is none.
    return this.place?.lastEventId || this.options.from || 'now';
  }

  private get place(): Place | undefined {
    const place = present ?? this.creator;
    if (place) place.isUsed = true;
    return place;
  }
}

/** A reader within the process: always ready, since RxJS has no way to say otherwise. */
class StreamReader implements Connection {
  readonly id = randomUUID();

  constructor(
    private readonly subscriber: Subscriber<StreamMessage>,
    private readonly envelope: boolean,
    private readonly place: Place | undefined,
  ) {}

  get budget(): WorkBudget | undefined {
    return this.place?.budget;
  }

  write(batch: Batch): boolean {
    for (const event of batch.events) this.next(event.id, this.message(event));
    return true;
  }

  gap(notice: GapNotice): boolean {
    this.next(notice.id, { type: 'push.gap', id: notice.id, data: { ...notice } });
    return true;
  }

  fail(error: PushError): void {
    this.subscriber.error(error);
  }

  private next(id: string | undefined, message: StreamMessage): void {
    if (this.place) this.place.passing = id;
    this.subscriber.next(message);
    if (this.place) this.place.passing = undefined;
  }

  private message(event: LogEvent): StreamEvent {
    const payload = JSON.parse(event.data) as StreamEvent['data'];
    const data = this.envelope ? { topic: event.topic, data: payload } : payload;
    return { data, ...(event.id && { id: event.id }), ...(event.type && { type: event.type }) };
  }
}
