import { PushError } from './errors.js';

/** The user, service or device that a connection belongs to. The authenticator returns it, and may add claims of its own. */
export interface Principal {
  /** The id of the user, service or device, for `disconnectUser`, `revoke` and the limits. 1 to 256 characters. */
  readonly id: string;
  /** When the authentication expires: a `Date`, or milliseconds since 1970. The connection ends then. Default: it never expires. */
  readonly expiresAt?: Date | number;
  readonly [claim: string]: unknown;
}

/** A smaller number is in seconds by mistake: as milliseconds it would be a time before 1973. */
const smallestTime = 1e11;

/**
 * Checks what an authenticator returned.
 *
 * @throws PushError `INVALID_OPTION`, because it is a mistake of the application, not of the client
 */
export function assertPrincipal(value: unknown): asserts value is Principal {
  const { id, expiresAt } = (value ?? {}) as { id?: unknown; expiresAt?: unknown };
  if (typeof id !== 'string' || id === '' || id.length > 256) {
    const example = 'for a JWT: { id: payload.sub, expiresAt: payload.exp * 1000 }';
    throw new PushError(
      'INVALID_OPTION',
      `A principal needs an id, a string of 1 to 256 characters (${example}).`,
    );
  }
  if (expiresAt === undefined) return;
  const time = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  if (typeof time === 'number' && time >= smallestTime) return;
  const hint = 'a Date, or milliseconds since 1970 (a JWT counts seconds: payload.exp * 1000)';
  throw new PushError(
    'INVALID_OPTION',
    `The expiresAt of principal ${JSON.stringify(id)} has to be ${hint}.`,
  );
}

/** When a principal expires, in milliseconds since 1970; `Infinity` if it does not. */
export function expiryOf(principal: Principal | undefined): number {
  return Number(principal?.expiresAt ?? Infinity);
}
