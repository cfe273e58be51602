import { HttpException } from '@nestjs/common';
import { logRefusal, type LoggedClient } from './debug-log.js';
import { PushError, type PushErrorCode } from '../contracts/errors.js';

/** What a client is told about an error that was thrown. */
export interface Failure {
  readonly error: PushError;
  /** For input of the wrong shape: one entry for each thing that is wrong with it. */
  readonly details?: readonly string[];
  /**
   * Whether the error was thrown for the client to see. Any other error has to be reported to the application; the client is
   * only told `INTERNAL`.
   */
  readonly isExpected: boolean;
}

const codeOf: Record<number, PushErrorCode> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  429: 'LIMIT_EXCEEDED',
  503: 'UNAVAILABLE',
};

/**
 * Translates an error that a guard, pipe, handler or stream has thrown, and logs it if it is a refusal.
 *
 * @param client whose request failed. Default: the one of `noteRefused`
 */
export function explain(thrown: unknown, client?: LoggedClient): Failure {
  const failure = failureOf(thrown);
  if (failure.isExpected) logRefusal(failure.error, client);
  return failure;
}

/** Translates an error that was thrown. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof PushError && thrown.expose)
    return { error: thrown, details: thrown.details, isExpected: true };
  if (thrown instanceof HttpException) {
    const status = thrown.getStatus();
    const code = codeOf[status] ?? (status < 500 ? 'INVALID_MESSAGE' : undefined);
    const { message } = thrown.getResponse() as { message?: unknown };
    const details = Array.isArray(message) ? message.map(String) : undefined;
    // The message of Nest's own pipes is "Bad Request Exception"; the reasons are in the list.
    const reason = details ? `${details.join('; ')}.` : thrown.message;
    if (code) return { error: new PushError(code, reason, { cause: thrown }), details, isExpected: true };
  }
  return { error: new PushError('INTERNAL', 'The server failed.', { cause: thrown }), isExpected: false };
}
