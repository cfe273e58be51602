import type { EventMeta } from '../contracts/event-meta.js';

/** How an event is published. */
export interface PublishOptions {
  /**
   * The event's type: `event:` on SSE, which `addEventListener` of an `EventSource` listens to. 1 to 128 characters, no
   * control characters, not beginning with `push.`, not `error` or `open`. Default: none, which a browser calls `message`.
   */
  readonly type?: string;
  /**
   * Makes publishing idempotent: while the id is remembered, publishing it again stores nothing and resolves with the id
   * of the first event. 1 to 128 visible ASCII characters.
   */
  readonly messageId?: string;
  /**
   * A word of the publisher's, which clients of the message protocol get with the event: a page recognises by it what it has
   * published itself, also before it is told that the event is stored. All who read the topic see it; the server's handlers as `$tag`
   * of the metadata. 1 to 128 visible ASCII characters. Default: none.
   */
  readonly tag?: string;
  /** Only for clients that are connected right now: not stored, no id, delivered at most once. Default: `false`. */
  readonly ephemeral?: boolean;
  /** The id of a connection that does not get the event: "everyone but the sender". */
  readonly except?: string;
  /**
   * The id of the principal on whose behalf it is published, 1 to 256 characters. Its events have a share of the memory
   * (`retention.bytesPerPublisher`), beyond which its own oldest events go. Clients never see it. Default: the application
   * itself, which `retention.bytes` alone bounds.
   */
  readonly publisher?: string;
  /**
   * Compare and set, for state topics (`state: true`): the event is stored only if the topic's newest one has this id, or with
   * `'none'` only if the topic has no state; else publishing rejects with `CONFLICT`, and `currentId` of the error names what
   * is there. A `messageId` is looked at first. Default: stored whatever is there.
   */
  readonly expect?: string;
  /**
   * What the event carries beside its data, for the server's own handlers (`on`, `stream`): strings, finite numbers and
   * booleans, 4 KiB as JSON at most. Clients never see it. Names that begin with `$`, `end`, `removed` and `row` are the
   * library's own. With `PushTracesModule` an event gets `traceparent` and `tracestate` too, unless it has a `traceparent` or there is
   * no room for it. Default: none.
   */
  readonly meta?: EventMeta;
  /**
   * Whether it is the last event of its topic, for finite topics (`finite: true`): nothing can be published after it, and readers
   * are told that the topic is `done`. Default: `false`.
   */
  readonly end?: boolean;
}

/** How a state is removed: see `EventBus.remove`. */
export type RemoveOptions = Pick<PublishOptions, 'expect' | 'messageId' | 'except' | 'publisher'>;

/**
 * How a topic is ended: see `EventBus.end`.
 *
 * @typeParam Result what the topic brought, as a whole
 */
export interface EndOptions<Result = unknown> {
  /** Why, as its readers are told: one word, 1 to 64 visible ASCII characters. Default: `done`. */
  readonly reason?: string;
  /**
   * The whole of what the topic brought, anything JSON: it stands for all events before it. Readers that have those are told of
   * the end alone; readers that ask for the newest event (`last`) get this one. Default: none.
   */
  readonly result?: Result;
  /** The type of the event that carries the result: see `PublishOptions.type`. */
  readonly type?: string;
  readonly messageId?: string;
  /** As `PublishOptions.meta`. */
  readonly meta?: EventMeta;
}
