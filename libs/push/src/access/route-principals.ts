import { Inject, Injectable, Logger } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { PushError } from '../contracts/errors.js';
import { assertPrincipal, type Principal } from '../contracts/principal.js';
import { pushSettings } from '../contracts/settings.js';
import { Authentication } from './authentication.js';
import type { ClientRequest } from './handshake.js';
import type { Proof } from './sessions.js';
import { TrustedProxies } from './trusted-proxies.js';

/** The request of an `@Sse()` route, as Express or Fastify have it. */
export interface SseRouteRequest {
  readonly headers: IncomingHttpHeaders;
  /** Most guards, Passport's among them, put the user here. */
  readonly user?: unknown;
}

/** Returns the principal that a stream belongs to; `undefined` for an anonymous client. */
export type PrincipalOf = (request: SseRouteRequest) => Principal | undefined;

const another = 'Say who it is by PushModule.forRoot({ sse: { principal: (request) => … } }).';

/**
 * Finds the principal that a stream of the application's own routes belongs to, so that the stream ends when the principal
 * expires or is disconnected, as on push's own endpoints. The application's guards have decided already that it may be opened.
 */
@Injectable()
export class RoutePrincipals {
  private readonly logger = new Logger('PushModule');
  private hasWarned = false;

  /** The application's rule. Without it, a guard has left the principal on the request, or the authenticator finds it. */
  private readonly own: PrincipalOf | undefined;

  constructor(
    @Inject(pushSettings) { sse }: { readonly sse: { readonly principal?: PrincipalOf } },
    @Inject(Authentication) private readonly authentication: Authentication,
    @Inject(TrustedProxies) private readonly proxies: TrustedProxies,
  ) {
    this.own = sse.principal;
  }

  /** For the log at start. */
  get description(): string {
    if (this.own)
      return 'Streams of your own @Sse() routes belong to the principal that sse.principal returns.';
    const { authenticator } = this.authentication;
    const otherwise = authenticator ? `, else to whom ${authenticator.constructor.name} finds` : '';
    return (
      `Streams of your own @Sse() routes belong to request.user, by its id or sub${otherwise}: they end at its exp (in seconds),` +
      ` and by PushAccess. For another principal, or none: PushModule.forRoot({ sse: { principal: (request) => … } }).`
    );
  }

  /**
   * @param since when the request came: a revocation of the principal after that time holds for it
   * @throws PushError `INVALID_OPTION` for an invalid principal; and what the authenticator throws, except 401 and 403, since the
   * application has let the client in
   */
  proofOf(route: SseRouteRequest, request: ClientRequest, since: number): Proof | Promise<Proof> {
    const assumed = this.authentication.assumed?.(request);
    if (assumed) return { principal: assumed, authenticatedAt: since };
    if (this.own) return { principal: checked(this.own(route)), authenticatedAt: since };
    // Middleware puts it on Node's request, which Fastify wraps.
    const user = route.user ?? (route as { raw?: { user?: unknown } }).raw?.user;
    const principal = principalOf(user);
    if (principal) return { principal, authenticatedAt: since };
    if (user !== undefined && user !== null) this.warn();
    if (!this.authentication.authenticator) return { principal: undefined, authenticatedAt: since };
    return this.ask(request, since);
  }

  private async ask(request: ClientRequest, since: number): Promise<Proof> {
    const anonymous: Proof = { principal: undefined, authenticatedAt: since };
    try {
      return (await this.authentication.ofRoute(request, this.proxies.addressOf(request))) ?? anonymous;
    } catch (error) {
      // A client that the authenticator refuses is anonymous here. Other failures are no such answer.
      if (error instanceof PushError && (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN'))
        return anonymous;
      throw error;
    }
  }

  private warn(): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.logger.warn(
      `request.user has neither id nor sub, so a stream of an @Sse() route does not end with its user. ${another}`,
    );
  }
}

/** The principal that a guard has put on the request: a user with an id, or the claims of a JWT (RFC 7519: `sub`, `exp` in seconds). */
function principalOf(user: unknown): Principal | undefined {
  if (typeof user !== 'object' || user === null) return undefined;
  const { id, sub, exp, expiresAt } = user as Record<string, unknown>;
  const name = [id, sub].find(isName);
  if (name === undefined) return undefined;
  return checked({ id: String(name), expiresAt: expiryOf(exp, expiresAt) });
}

function isName(value: unknown): value is string | number | bigint {
  return (
    (typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'bigint'
  );
}

/** An `exp` that is not a time is refused: to ignore it would make the stream last for ever. */
function expiryOf(exp: unknown, expiresAt: unknown): Date | number | undefined {
  if (exp === undefined || exp === null)
    return expiresAt instanceof Date || typeof expiresAt === 'number' ? expiresAt : undefined;
  // In seconds it would be the year 5138: such a number is in milliseconds.
  if (typeof exp === 'number' && Number.isFinite(exp)) return exp < 1e11 ? Math.max(exp * 1_000, 1e11) : exp;
  throw new PushError('INVALID_OPTION', `request.user.exp is no number of seconds since 1970. ${another}`);
}

function checked(principal: Principal | undefined): Principal | undefined {
  if (principal === undefined || principal === null) return undefined;
  assertPrincipal(principal);
  return principal;
}
