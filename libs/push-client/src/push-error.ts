/**
 * Why something was refused or failed. `code` is stable. PROTOCOL.md lists the codes of the server. The codes of the client
 * are `CLOSED` (the client is closed), `LIMIT_EXCEEDED` (its queue is full), `DATA_TOO_LARGE`,
 * `DATA_NOT_SERIALIZABLE`, `UNAVAILABLE` (no connection), `UNAUTHENTICATED` (the application has no token, or only
 * the refused one), `REFUSED` (the server refused the connection for good) and `DUPLICATE_KEY` (two topics make the same row of a
 * collection).
 */
export class PushError extends Error {
  override readonly name = 'PushError';

  constructor(
    readonly code: string,
    message: string,
    /** Whether the same request may succeed later. */
    readonly retryable = false,
    /** The topics and patterns that were refused, if the error is about topics. */
    readonly topics?: readonly string[],
    /** What is wrong with the message, one line for each field, if the server says so. */
    readonly details?: readonly string[],
  ) {
    super(message);
  }
}
