import { Logger } from '@nestjs/common';
import { PushError, type PushErrorCode } from '../contracts/errors.js';

/*
 * What happens to clients, logged at debug level in the category `Push`. The log must never hold a token or a payload.
 * Therefore only those messages of push's own errors are logged that cannot hold one. Of an error of the application, only
 * the name of its class is logged.
 */
const logger = new Logger('Push');

/** Codes of errors whose messages are safe to log: of what a client sent, they hold no more than topics. */
const loggableCodes: ReadonlySet<PushErrorCode> = new Set([
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'CLOSED',
  'UNAVAILABLE',
  'TOO_SLOW',
]);

/** Errors that were logged. One refusal may be reported in several places on its way to the client. */
const logged = new WeakSet<object>();

/** Logs that a request of a client was refused; once for each error, and for each cause. */
export function logRefusal(error: PushError): void {
  const { cause } = error;
  if (logged.has(error) || (typeof cause === 'object' && cause !== null && logged.has(cause))) return;
  logged.add(error);
  if (typeof cause === 'object' && cause !== null) logged.add(cause);
  const isOurs = cause === undefined || cause instanceof PushError;
  const reason =
    isOurs && loggableCodes.has(error.code) ? `: ${error.message}` : isOurs ? '' : ` (${nameOf(cause)})`;
  logger.debug(`Refused, ${error.code}${reason}`);
}

/** Logs an error that the application's `onError` gets. @param connection the id of the connection, if there is one */
export function logFailure(error: unknown, stage: string, connection?: string): void {
  logger.debug(`Failed: ${stage}${connection ? ` on ${connection}` : ''} (${nameOf(error)})`);
}

/** Logs that a client has connected. */
export function logConnected({ id, transport, principal }: LoggedConnection): void {
  logger.debug(`Connected: ${id} by ${transport}, ${principal ? `principal ${principal.id}` : 'anonymous'}`);
}

/** Logs that a client has disconnected, and why. */
export function logDisconnected({ id, transport }: LoggedConnection, reason: string): void {
  logger.debug(`Disconnected: ${id} by ${transport}, reason ${reason}`);
}

interface LoggedConnection {
  readonly id: string;
  readonly transport: string;
  readonly principal: { readonly id: string } | undefined;
}

function nameOf(error: unknown): string {
  if (error instanceof PushError) return error.code;
  return error instanceof Error ? error.constructor.name : typeof error;
}
