import type { GapNotice } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import type { ServerMessage } from '../protocol/messages.js';

export type { ErrorReport, Greeting, ServerMessage } from '../protocol/messages.js';

/** The answer to `publish`; without an id if the event is ephemeral. */
export function publishedMessage(ref: string | undefined, id: string | undefined): ServerMessage {
  return { event: 'published', data: { ref, id } };
}

/** The answer to `refresh`. */
export function refreshedMessage(ref: string | undefined, expiresAt: number | undefined): ServerMessage {
  return { event: 'refreshed', data: { ref, expiresAt } };
}

/**
 * Topics that the connection no longer gets, although its client did not unsubscribe.
 *
 * @param isUndecided whether the client may ask for them again: its right to them could not be checked
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
