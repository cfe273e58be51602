import { Logger } from '@nestjs/common';
import { PushError, type PushErrorCode } from '../contracts/errors.js';

/*
 * What happens to clients, at debug level, in the category `Push`. It never holds a token or a payload: so only messages of
 * ours that hold none are logged, and of what the application throws nothing but its kind.
 */
const logger = new Logger('Push');

/** Codes whose messages name topics and limits, and nothing else that a client sent. */
const speaking: ReadonlySet<PushErrorCode> = new Set([
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'CLOSED',
  'UNAVAILABLE',
  'TOO_SLOW',
]);

/** What was logged: one refusal may pass several places on its way to the client. */
const logged = new WeakSet<object>();

/** Notes that something which a client wanted was refused. */
export function logRefusal(error: PushError): void {
  const { cause } = error;
  if (logged.has(error) || (typeof cause === 'object' && cause !== null && logged.has(cause))) return;
  logged.add(error);
  if (typeof cause === 'object' && cause !== null) logged.add(cause);
  const isOurs = cause === undefined || cause instanceof PushError;
  const reason =
    isOurs && speaking.has(error.code) ? `: ${error.message}` : isOurs ? '' : ` (${nameOf(cause)})`;
  logger.debug(`Refused, ${error.code}${reason}`);
}

/** Notes an error that the application's `onError` is told of. */
export function logFailure(error: unknown, stage: string, connection?: string): void {
  logger.debug(`Failed: ${stage}${connection ? ` on ${connection}` : ''} (${nameOf(error)})`);
}

/** Notes that a client is there. */
export function logConnected({ id, transport, principal }: LoggedConnection): void {
  logger.debug(`Connected: ${id} by ${transport}, ${principal ? `principal ${principal.id}` : 'anonymous'}`);
}

/** Notes that it is gone, and why. */
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
