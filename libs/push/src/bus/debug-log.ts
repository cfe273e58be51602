import { Logger } from '@nestjs/common';
import { PushError, type PushErrorCode } from '../contracts/errors.js';
import { increment } from '../hub/counts.js';
import { SampledLog } from './sampled-log.js';

/*
 * What happens to clients, logged at debug level in the category `Push`. The log must never hold a token or a payload.
 * Therefore only those messages of push's own errors are logged that cannot hold one. Of an error of the application, only
 * the name of its class, or its code, is logged.
 */
type Kind = 'Connected' | 'Refused' | 'Disconnected' | 'Failed';

/** How many lines of each kind are written in a second. */
const linesPerSecond = 50;

const lines = new SampledLog<Kind>(new Logger('Push'), linesPerSecond, 1_000);

/** A client, as lines name it: what is known of it at the time. */
export interface LoggedClient {
  /** The id of its connection. */
  readonly id?: string;
  readonly transport: string;
  readonly principal?: { readonly id: string };
  /** Its IP address; only lines about clients without a connection have it. */
  readonly address?: string;
}

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

/** How many requests of clients were refused in this process, by transport and code: `websocket FORBIDDEN`. */
export const refusals = new Map<string, number>();

/** The client that an error refuses, for errors that are logged where it is not known any more. */
const refused = new WeakMap<object, LoggedClient>();

/** Errors that code of the application has thrown. Whatever they are, their messages are not ours. */
const foreign = new WeakSet<object>();

/** Remembers which client an error refuses. What is known first holds, unless it did not name the connection. */
export function noteRefused(error: unknown, client: LoggedClient): void {
  if (!isObject(error) || refused.get(error)?.id !== undefined) return;
  // Not the client itself: an error may be kept for longer.
  const { id, transport, principal, address } = client;
  refused.set(error, { id, transport, principal, address });
}

/** Runs code of the application. The messages of what it throws are not logged. */
export async function ofApplication<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isObject(error)) foreign.add(error);
    throw error;
  }
}

/** Logs that a request of a client was refused; once for each error, and for each cause. */
export function logRefusal(error: PushError, client?: LoggedClient): void {
  const { cause } = error;
  if (logged.has(error) || (isObject(cause) && logged.has(cause))) return;
  logged.add(error);
  if (isObject(cause)) logged.add(cause);
  const known = refused.get(error) ?? (isObject(cause) ? refused.get(cause) : undefined);
  const who = client ?? known;
  increment(refusals, `${who?.transport ?? '(unknown)'} ${error.code}`);
  lines.write('Refused', () => {
    return `Refused: ${who ? `${nameOf(who)}, ` : ''}${error.code}${reasonOf(error)}`;
  });
}

/** Logs an error that the application's `onError` gets. @param connection the id of the connection, if there is one */
export function logFailure(error: unknown, stage: string, connection?: string): void {
  lines.write('Failed', () => `Failed: ${stage}${connection ? ` on ${connection}` : ''} (${kindOf(error)})`);
}

/** Logs that a client has connected. */
export function logConnected(client: LoggedClient): void {
  lines.write('Connected', () => `Connected: ${nameOf(client)}`);
}

/** Logs that a client has disconnected, and why. @param code of the error that ended it, if there is one */
export function logDisconnected(client: LoggedClient, reason: string, code?: PushErrorCode): void {
  lines.write(
    'Disconnected',
    () => `Disconnected: ${nameOf(client)}, reason ${reason}${code ? ` (${code})` : ''}`,
  );
}

/** Such as `4f1c… by websocket, principal ann`. A client without a connection is named by its address. */
function nameOf({ id, transport, principal, address }: LoggedClient): string {
  const from = id === undefined && address ? ` from ${address}` : '';
  const who = principal ? `, principal ${principal.id}` : id === undefined ? '' : ', anonymous';
  return `${id === undefined ? 'a client' : id} by ${transport}${from}${who}`;
}

function reasonOf(error: PushError): string {
  const { cause } = error;
  if (isObject(cause) && !(cause instanceof PushError)) return ` (${kindOf(cause)})`;
  const isForeign = foreign.has(error) || (isObject(cause) && foreign.has(cause));
  return !isForeign && loggableCodes.has(error.code) ? `: ${error.message}` : '';
}

function kindOf(error: unknown): string {
  if (error instanceof PushError) return error.code;
  return error instanceof Error ? error.constructor.name : typeof error;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
