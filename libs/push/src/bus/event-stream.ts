import type { MessageEvent } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import type { GapNotice } from '../contracts/connection.js';
import type { EventMeta } from '../contracts/event-meta.js';
import type { Start } from '../hub/replay/cursor.js';

/** How `EventBus.stream()` reads. */
export interface StreamOptions {
  /**
   * Where a new reader begins: `now` (default), `last`, `earliest`, or an event's id. A client that comes back goes on
   * after the `Last-Event-ID` that it brings, whatever is said here.
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
  /** What the event was published with beside its data. Nest does not write it: clients do not get it. */
  readonly meta?: EventMeta;
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

/**
 * The events of some topics, as Nest's `@Sse()` takes them. Cold: each subscriber reads the log by itself. It never
 * completes by itself; gaps come as messages of type `push.gap`. `EventBus.stream()` makes it.
 */
export class EventStream<Data = unknown> extends Observable<StreamMessage<Data>> {
  /** @param read begins to read for a subscriber */
  constructor(
    readonly topics: readonly string[],
    readonly options: StreamOptions,
    read: (subscriber: Subscriber<StreamMessage>) => void,
  ) {
    super(read as (subscriber: Subscriber<StreamMessage<Data>>) => void);
  }
}
