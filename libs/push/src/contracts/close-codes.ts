import type { WebSocketCloseCode } from '../protocol/connection.js';
import type { PushErrorCode } from './errors.js';

/**
 * Why the server closes a WebSocket (RFC 6455, section 7.4; 4000 to 4999 are the application's, and echo HTTP).
 * PROTOCOL.md says for each whether a client should come back.
 */
export const CloseCode = {
  /** The server shuts down: come back. */
  GoingAway: 1001,
  /** The message was larger than the greeting allows. */
  MessageTooBig: 1009,
  /** An unexpected failure: come back, later each time. */
  InternalError: 1011,
  /** The server is being replaced: come back after the delay that was announced. */
  ServiceRestart: 1012,
  /** The client is too slow, or a limit is reached: come back, later each time. */
  TryAgainLater: 1013,
  /** The client does not speak the protocol: do not come back unchanged. */
  BadRequest: 4400,
  /** Not, or no longer, authenticated: come back with a new token. */
  Unauthenticated: 4401,
  /** Not allowed: do not come back unchanged. */
  Forbidden: 4403,
} as const satisfies Record<string, WebSocketCloseCode>;

/** The close code of a connection that ends because of an error. */
export function closeCodeOf(code: PushErrorCode): WebSocketCloseCode {
  if (code === 'UNAUTHENTICATED') return CloseCode.Unauthenticated;
  if (code === 'FORBIDDEN') return CloseCode.Forbidden;
  if (code === 'TOO_SLOW' || code === 'LIMIT_EXCEEDED' || code === 'UNAVAILABLE')
    return CloseCode.TryAgainLater;
  if (code === 'CLOSED') return CloseCode.ServiceRestart;
  if (code === 'INTERNAL') return CloseCode.InternalError;
  return CloseCode.BadRequest;
}
