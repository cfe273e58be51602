import type { MessageEvent } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import type { GapNotice } from '../contracts/connection.js';
import type { EventMeta } from '../contracts/event-meta.js';
import type { Start } from '../protocol/topics.js';

/**
 * How `EventBus.stream()` reads.
 *
 * @typeParam Presence what clients say of themselves in these topics
 */
export interface StreamOptions<Presence = unknown> {
  /**
   * Where a new reader starts: `now`, `last`, `last:50` (the newest 50 events of each topic, 1,000 at most), `earliest`,
   * `start` (as `earliest`, with a gap if the beginning of the log is gone), `snapshot` (the state of each topic as its
   * `@PushSnapshot()` method loads it, and once more after each gap), or an event's id. A client that reconnects with
   * `Last-Event-ID` resumes after that instead. Default: `now`.
   */
  readonly from?: Start;
  /** Wrap the data as `{ topic, data }`, for streams of several topics. Default: `false`. */
  readonly envelope?: boolean;
  /**
   * Whether the topics may have wildcards. Allow it only where no part of a topic comes from a client, which could send `>`.
   * Default: `false`.
   */
  readonly wildcards?: boolean;
  /**
   * Whether the response may be compressed, as the option `compression` of the module and of the topics' rules allows. Events that
   * go through a pipe or an interceptor of the application are not. Default: `true`.
   */
  readonly compression?: boolean;
  /**
   * Whether a client of the route is present in these topics for as long as its connection lasts (`TopicOptions.presence`), and
   * what others get to see of it. Default: `false`.
   */
  readonly presence?: boolean | { readonly data?: Presence };
}

/** The `data` of a message, as Nest types it: it writes a string as it is, and anything else as JSON. */
type MessageData<Data> = [Data] extends [string | object] ? Data : string | object;

/** An event, as a stream emits it. */
export interface StreamEvent<Data = unknown> extends MessageEvent {
  /** `undefined` for ephemeral events. */
  readonly id?: string;
  readonly type?: string;
  readonly data: MessageData<Data>;
  /** What the event was published with beside its data. Nest does not write it: clients do not get it. */
  readonly meta?: EventMeta;
}

/**
 * A gap notice, as a stream emits it: events are missing. It comes before anything newer. Operators have to let it through,
 * so that the client learns of the gap.
 */
export interface StreamGap extends MessageEvent {
  readonly id: string;
  readonly type: 'push.gap';
  readonly data: GapNotice;
}

/**
 * A finite topic has ended, as a stream emits it: nothing of it follows. When all topics of a stream have ended, the stream
 * completes. Operators have to let it through, so that the client learns of it.
 */
export interface StreamEnd extends MessageEvent {
  /** Missing for a reader that has come after the end. */
  readonly id?: string;
  readonly type: 'push.ended';
  readonly data: { readonly topic: string; readonly reason: string };
}

/** What a stream emits; {@link isGap} tells the two apart. Of finite topics {@link isEnded} tells the ends. */
export type StreamMessage<Data = unknown> = StreamEvent<Data> | StreamGap;

/** Whether a message of a stream says that a topic has ended. No event can have its type. */
export function isEnded(message: StreamMessage): message is StreamEnd {
  return message.type === 'push.ended';
}

/** Whether a message of a stream is a gap notice. No event can have its type: `publish` refuses types that begin with `push.`. */
export function isGap(message: StreamMessage): message is StreamGap {
  return message.type === 'push.gap';
}

/**
 * The whole state of a topic, as a stream `from: 'snapshot'` emits it, first of all and after a gap. Operators have to let it
 * through, so that the client gets it.
 */
export interface StreamSnapshot<Data = unknown> extends MessageEvent {
  readonly type: 'push.snapshot';
  readonly data: { readonly topic: string; readonly data: Data };
}

/** Whether a message of a stream is the state of a topic. No event can have its type. */
export function isSnapshot(message: StreamMessage): message is StreamSnapshot {
  return message.type === 'push.snapshot';
}

/** The type of an event's `data`, by the options of the stream. */
export type StreamData<Data, Options extends StreamOptions> = Options extends { readonly envelope: true }
  ? { readonly topic: string; readonly data: Data }
  : Data;

/**
 * The events of some topics, as an `Observable` that Nest's `@Sse()` accepts. It is cold: each subscriber reads the log on its
 * own. It completes when all of its topics have ended, which only finite topics do. Gaps come as messages of type `push.gap`. `EventBus.stream()` makes it.
 */
export class EventStream<Data = unknown> extends Observable<StreamMessage<Data>> {
  /** @param read starts to read the log for a subscriber */
  constructor(
    readonly topics: readonly string[],
    readonly options: StreamOptions,
    read: (subscriber: Subscriber<StreamMessage>) => void,
  ) {
    super(read as (subscriber: Subscriber<StreamMessage<Data>>) => void);
  }
}
