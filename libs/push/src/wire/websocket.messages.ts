import type { GapNotice } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';

/** What the server says besides events. PROTOCOL.md "WebSocket" describes each. */
export type ServerMessage =
  | { readonly event: 'hello'; readonly data: Greeting }
  | { readonly event: 'subscribed'; readonly data: { ref?: string; topics: readonly string[]; id: string } }
  | { readonly event: 'live'; readonly data: { ref?: string; topics: readonly string[]; id: string } }
  | { readonly event: 'unsubscribed'; readonly data: { ref?: string; topics: readonly string[] } }
  | { readonly event: 'published'; readonly data: { ref?: string; id?: string } }
  | { readonly event: 'refreshed'; readonly data: { ref?: string; expiresAt?: number } }
  | { readonly event: 'revoked'; readonly data: { topics: readonly string[]; retryable?: true } }
  | { readonly event: 'gap'; readonly data: GapNotice }
  | { readonly event: 'heartbeat'; readonly data: { id?: string } }
  | { readonly event: 'drain'; readonly data: { delay: number } }
  | { readonly event: 'error'; readonly data: ErrorReport };

/** The first message on every connection, once it is known who the client is. */
export interface Greeting {
  /** Of the message that authenticated the connection, if one did. */
  readonly ref?: string;
  /** The connection's id, for `except`. */
  readonly connection: string;
  /** By this the client says, on its next connections, that it is the same one. It is a secret of the client's. */
  readonly client: string;
  /** Milliseconds between heartbeats: after two of them without any frame the connection is dead. */
  readonly heartbeat: number;
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxTopics: number;
    /** Patterns with a wildcard anywhere but in their last token. `null` where they are not limited. */
    readonly maxInnerWildcards: number;
  };
  /** When the connection ends unless it is refreshed, in milliseconds since 1970. */
  readonly expiresAt?: number;
}

/** What went wrong with a message of the client, or with the connection. */
export interface ErrorReport {
  readonly ref?: string;
  readonly code: string;
  readonly message: string;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
  /** For a message of the wrong shape: what is wrong with it. */
  readonly details?: readonly string[];
}

/** The answer to `publish`; without an id if the event is ephemeral. */
export function publishedMessage(ref: string | undefined, id: string | undefined): ServerMessage {
  return { event: 'published', data: { ref, id } };
}

/** The answer to `refresh`. */
export function refreshedMessage(ref: string | undefined, expiresAt: number | undefined): ServerMessage {
  return { event: 'refreshed', data: { ref, expiresAt } };
}

/**
 * Topics that the connection gets no more, although it has not asked for that.
 *
 * @param isUndecided the right to them could not be examined: the client may ask for them again
 */
export function revokedMessage(topics: readonly string[], isUndecided = false): ServerMessage {
  return { event: 'revoked', data: isUndecided ? { topics, retryable: true } : { topics } };
}

export function gapMessage(notice: GapNotice): ServerMessage {
  return { event: 'gap', data: notice };
}

export function heartbeatMessage(id: string | undefined): ServerMessage {
  return { event: 'heartbeat', data: { id } };
}

/** The server shuts down: the connection will be closed, and the client should come back in `delay` milliseconds. */
export function drainMessage(delay: number): ServerMessage {
  return { event: 'drain', data: { delay } };
}

export function errorMessage(
  { code, message, retryable }: Pick<PushError, 'code' | 'message' | 'retryable'>,
  ref?: string,
  details?: readonly string[],
): ServerMessage {
  return { event: 'error', data: { ref, code, message, retryable, details } };
}
