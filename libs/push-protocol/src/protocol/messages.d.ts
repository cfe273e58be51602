import type { GapNotice } from './gap.js';
import type { Start } from './topics.js';

/** What every message of a client may carry, and every answer to one. */
export interface WithRef {
  /** The client's name for the message, at most 64 characters. It comes back in the answer. */
  readonly ref?: string;
}

/** `unsubscribe`. */
export interface Unsubscribe extends WithRef {
  readonly topics: readonly string[];
}

/** `subscribe`. */
export interface Subscribe extends Unsubscribe {
  /** Default: `now`. */
  readonly from?: Start;
  /** Bring also what another subscription of the connection has brought. Default: `false`. */
  readonly repeat?: boolean;
  /**
   * Bring a fresh snapshot of each topic after every gap: for a client that began with `from: 'snapshot'`, and resumes from an
   * id. Default: `false`; always with `from: 'snapshot'`.
   */
  readonly snapshot?: boolean;
}

/** `publish`. */
export interface Publish extends WithRef {
  readonly topic: string;
  /** Any JSON. It is stored as it was sent. */
  readonly data: unknown;
  readonly type?: string;
  /** Publishing the same id again stores nothing. */
  readonly messageId?: string;
  /** Comes back with the event, to all who read the topic. Default: none. */
  readonly tag?: string;
  readonly ephemeral?: boolean;
  /** Whether the client gets the event itself. Default: `true`. */
  readonly echo?: boolean;
  /**
   * For state topics: it is stored only if the topic's newest event has this id, or with `none` only if the topic has no state;
   * else it is refused with `CONFLICT`. Default: stored whatever is there.
   */
  readonly expect?: string;
  /** For state topics: takes the state away. `data` and `type` do not count. Default: `false`. */
  readonly remove?: boolean;
}

/** `presence`: what others get to see of the client in a topic that it reads. */
export interface Presence extends WithRef {
  readonly topic: string;
  /** Any JSON, 1 KiB at most. `null` or nothing: nothing. */
  readonly data?: unknown;
}

/** `authenticate`, which may have to come first, and `refresh`. */
export interface Token extends WithRef {
  readonly token: string;
}

/** What a client says over a WebSocket. */
export type ClientMessage =
  | { readonly event: 'subscribe'; readonly data: Subscribe }
  | { readonly event: 'unsubscribe'; readonly data: Unsubscribe }
  | { readonly event: 'publish'; readonly data: Publish }
  | { readonly event: 'presence'; readonly data: Presence }
  | { readonly event: 'authenticate' | 'refresh'; readonly data: Token };

/** An event. */
export interface PushEvent<Data = unknown> {
  readonly topic: string;
  /** Its place in the log; ephemeral events have none. */
  readonly id?: string;
  readonly type?: string;
  /** What its publisher has named it, to recognise it. Default: nothing. */
  readonly tag?: string;
  /** The context of the span that has published it (W3C Trace Context), where the server sends it. Default: it does not. */
  readonly traceparent?: string;
  readonly data: Data;
}

/** The whole state of a topic, as the application has it. The topic's events after that follow. */
export interface TopicSnapshot<Data = unknown> {
  readonly topic: string;
  /** Where the client is now; missing if it must not resume from here. */
  readonly id?: string;
  readonly data: Data;
}

/** The state of a state topic was removed. */
export interface Removed {
  readonly topic: string;
  readonly id?: string;
}

/** A finite topic has ended: nothing follows. A client that reads the topic by its name reads it no more. */
export interface Ended {
  readonly topic: string;
  /** Missing if the client comes after the end. */
  readonly id?: string;
  /** Why: `done`, `cancelled`, or any other word of the application. */
  readonly reason: string;
}

/** The first message on every connection, once it is known who the client is. */
export interface Greeting extends WithRef {
  /** The connection's id, for `except`. */
  readonly connection: string;
  /** The client hands it back on its next connections to say that it is the same client. Only the client knows it. */
  readonly client: string;
  /** Milliseconds between heartbeats: after two of them without any frame the connection is dead. */
  readonly heartbeat: number;
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxTopics: number;
    /** Patterns with a wildcard anywhere but in their last token. `null` where they are not limited. */
    readonly maxInnerWildcards: number | null;
  };
  /** When the connection ends unless it is refreshed, in milliseconds since 1970. */
  readonly expiresAt?: number;
}

/** Topics that were subscribed to, and a position: where they start, or what they have caught up with. */
export interface Subscribed extends Unsubscribe {
  readonly id: string;
}

/** What went wrong with a message of the client, or with the connection. */
export interface ErrorReport extends WithRef {
  readonly code: string;
  readonly message: string;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
  /** For a message of the wrong shape: what is wrong with it, a line for each field. */
  readonly details?: readonly string[];
}

/** What the server says, over a WebSocket and in messages over HTTP. PROTOCOL.md describes each. */
export type ServerMessage =
  | { readonly event: 'hello'; readonly data: Greeting }
  | { readonly event: 'subscribed' | 'live'; readonly data: Subscribed }
  | { readonly event: 'unsubscribed'; readonly data: Unsubscribe }
  | { readonly event: 'message'; readonly data: PushEvent }
  | { readonly event: 'removed'; readonly data: Removed }
  | { readonly event: 'ended'; readonly data: Ended }
  | { readonly event: 'snapshot'; readonly data: TopicSnapshot }
  | { readonly event: 'published'; readonly data: WithRef & { readonly id?: string } }
  | { readonly event: 'refreshed'; readonly data: WithRef & { readonly expiresAt?: number } }
  | {
      readonly event: 'revoked';
      readonly data: { readonly topics: readonly string[]; readonly retryable?: true };
    }
  | { readonly event: 'gap'; readonly data: GapNotice }
  | { readonly event: 'heartbeat'; readonly data: { readonly id?: string } }
  | { readonly event: 'drain'; readonly data: { readonly delay: number } }
  | { readonly event: 'error'; readonly data: ErrorReport };
