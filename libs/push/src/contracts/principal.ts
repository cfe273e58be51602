import { PushError } from './errors.js';

/** Who a connection belongs to, as the application's authenticator found out. What else it knows may stand beside. */
export interface Principal {
  /** Names the user, service or device: `disconnectUser`, `revoke` and the limits go by it. 1 to 256 characters. */
  readonly id: string;
  /** Until when that is proven: a `Date`, or milliseconds since 1970. A connection ends then. Default: it never does. */
  readonly expiresAt?: Date | number;
  readonly [claim: string]: unknown;
}

/** Before 1973 in milliseconds; in seconds, any time that a token may have. */
const looksLikeSeconds = 1e11;

/**
 * Checks what an authenticator returned.
 *
 * @throws PushError `INVALID_OPTION`: the application's mistake, and not the client's
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
  if (typeof time === 'number' && time >= looksLikeSeconds) return;
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
