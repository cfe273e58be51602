/**
 * Why something was refused, or failed. `code` is stable: the codes of the server are in its PROTOCOL.md; the client's
 * own are `CLOSED` (the client is closed), `LIMIT_EXCEEDED` (its queue is full), `DATA_TOO_LARGE`,
 * `DATA_NOT_SERIALIZABLE`, `UNAVAILABLE` (no connection), `UNAUTHENTICATED` (the application has no token, or still the
 * one that was refused) and `REFUSED` (the server wants no connection).
 */
export class PushError extends Error {
  override readonly name = 'PushError';

  constructor(
    readonly code: string,
    message: string,
    /** Whether the same, unchanged, may succeed later. */
    readonly retryable = false,
    /** The topics and patterns that were refused, where it is about topics. */
    readonly topics?: readonly string[],
    /** What is wrong with the message, a line for each field, where the server says so. */
    readonly details?: readonly string[],
  ) {
    super(message);
  }
}
