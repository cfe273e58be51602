import type { Principal } from '../contracts/principal.js';
import type { Handshake } from './handshake.js';

/** What an authenticator returns for a client that may connect without a principal. It gets public topics only. */
export const anonymous = Symbol('anonymous');

/** What an authenticator returns: the principal; `anonymous`; or nothing, which refuses the client with 401. */
export type AuthenticationResult = Principal | typeof anonymous | null | undefined;

/**
 * Authenticates a client before its connection exists. `PushModule.forRoot({ authenticate: JwtAuthenticator })` takes a class,
 * which may inject other providers:
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
   * @returns the principal; `anonymous`; or `undefined` (or `null`), which refuses the client with 401
   * @throws `UnauthorizedException`, `ForbiddenException`, or a `PushError` with one of those codes, to refuse with a
   * reason that the client can read. Anything else is reported as an error of the server, and refuses with 500.
   */
  abstract authenticate(handshake: Handshake): AuthenticationResult | Promise<AuthenticationResult>;
}
