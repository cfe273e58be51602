import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { assertPrincipal, type Principal } from '../../contracts/principal.js';

const header = 'push-testing-as';

/**
 * Users of tests. A request is theirs if it has a random header that only the test's own clients know: for all others the
 * application's authenticator decides as always.
 */
export class FakePrincipals {
  private readonly principals = new Map<string, Principal>();

  /**
   * The headers that make a request one of `user`: a principal, or just its id.
   *
   * @throws PushError `INVALID_OPTION`
   */
  headersOf(user: Principal | string): Record<string, string> {
    const principal = typeof user === 'string' ? { id: user } : { ...user };
    assertPrincipal(principal);
    const key = randomBytes(16).toString('hex');
    this.principals.set(key, Object.freeze(principal));
    return { [header]: key };
  }

  /** Whose request it is; `undefined` if it is of nobody known here. */
  readonly of = ({ headers }: { readonly headers: IncomingHttpHeaders }): Principal | undefined => {
    const key = headers[header];
    return typeof key === 'string' ? this.principals.get(key) : undefined;
  };
}
