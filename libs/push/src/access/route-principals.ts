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
  /** What most guards leave there. */
  readonly user?: unknown;
}

/** Says whose the stream of a route is. */
export type PrincipalOf = (request: SseRouteRequest) => Principal | undefined;

const another = 'Say who it is by PushModule.forRoot({ sse: { principal: (request) => … } }).';

/**
 * Finds out whose the streams of the application's own routes are: so that they end when that principal expires or is sent
 * away, as push's own doors do. Who may open them is for the application's guards, which have decided by now.
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

  /** What is told at start. */
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
   * @param since when the request came: what has happened to the principal since then counts against it
   * @throws PushError `INVALID_OPTION` for a principal that is none; what the authenticator throws, unless it does not let the
   * client in at push's own doors: here the application has
   */
  proofOf(route: SseRouteRequest, request: ClientRequest, since: number): Proof | Promise<Proof> {
    if (this.own) return { principal: checked(this.own(route)), provenAt: since };
    // Behind Fastify's request is Node's, where middleware leaves it.
    const user = route.user ?? (route as { raw?: { user?: unknown } }).raw?.user;
    const principal = principalOf(user);
    if (principal) return { principal, provenAt: since };
    if (user !== undefined && user !== null) this.warn();
    if (!this.authentication.authenticator) return { principal: undefined, provenAt: since };
    return this.ask(request, since);
  }

  private async ask(request: ClientRequest, since: number): Promise<Proof> {
    const nobody = { principal: undefined, provenAt: since };
    try {
      return (await this.authentication.ofRoute(request, this.proxies.addressOf(request))) ?? nobody;
    } catch (error) {
      // Who is unknown there is nobody here. What could not be decided is not taken for that.
      if (error instanceof PushError && (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN'))
        return nobody;
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

/** Whom a guard has left on the request: a user with an id, or the claims of a JWT (RFC 7519: `sub`, `exp` in seconds). */
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

/** What is no time is refused, rather than taken for none. */
function expiryOf(exp: unknown, expiresAt: unknown): Date | number | undefined {
  if (exp === undefined || exp === null)
    return expiresAt instanceof Date || typeof expiresAt === 'number' ? expiresAt : undefined;
  // Nobody's token holds until the year 5138: that would be milliseconds.
  if (typeof exp === 'number' && Number.isFinite(exp)) return exp < 1e11 ? Math.max(exp * 1_000, 1e11) : exp;
  throw new PushError('INVALID_OPTION', `request.user.exp is no number of seconds since 1970. ${another}`);
}

function checked(principal: Principal | undefined): Principal | undefined {
  if (principal === undefined || principal === null) return undefined;
  assertPrincipal(principal);
  return principal;
}
