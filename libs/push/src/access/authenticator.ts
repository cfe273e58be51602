import type { Principal } from '../contracts/principal.js';
import type { Handshake } from './handshake.js';

/** What an authenticator returns for a client that may connect without being anybody: it gets public topics only. */
export const anonymous = Symbol('anonymous');

/** What an authenticator finds out. */
export type Identity = Principal | typeof anonymous | null | undefined;

/**
 * Finds out who a client is, before its connection exists. `PushModule.forRoot({ authenticate: JwtAuthenticator })` takes
 * a class, with everything that it injects:
 *
 * ```ts
 * @Injectable()
 * export class JwtAuthenticator extends Authenticator {
 *   constructor(private readonly jwt: JwtService) {
 *     super();
 *   }
 *
 *   async authenticate({ token }: Handshake) {
 *     if (!token) return undefined;
 *     const { sub, exp } = await this.jwt.verifyAsync<Claims>(token).catch(() => {
 *       throw new UnauthorizedException('The token is not valid.');
 *     });
 *     return { id: sub, expiresAt: exp * 1000 };
 *   }
 * }
 * ```
 */
export abstract class Authenticator {
  /**
   * @returns who it is; `anonymous`; or `undefined` (or `null`), which refuses with 401
   * @throws `UnauthorizedException`, `ForbiddenException`, or a `PushError` with one of those codes, to refuse with a
   * reason that the client gets to read. Anything else is reported as an error of the server, and refuses with 500.
   */
  abstract authenticate(handshake: Handshake): Identity | Promise<Identity>;
}
