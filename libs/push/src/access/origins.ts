import { Inject, Injectable, Logger } from '@nestjs/common';
import type { TransportName } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';
import type { ClientRequest } from './handshake.js';
import { TrustedProxies } from './trusted-proxies.js';

/**
 * The web pages that may connect: `'same-host'` (pages of the scheme, host and port of the request), `'*'` (all), a list of
 * origins (`https://shop.example`; `'same-host'` may be one of them), or a function that decides.
 */
export type OriginRule =
  | '*'
  | 'same-host'
  | readonly string[]
  | ((origin: string, request: ClientRequest) => boolean | Promise<boolean>);

/** The settings that say which pages may connect. */
interface OriginSettings {
  readonly origins: OriginRule;
  readonly allowMissingOrigin: boolean;
}

/** Authorization schemes that a browser sends by itself, also with requests of foreign pages. */
const ambientScheme = /^(?:basic|digest|negotiate|ntlm)\b/i;

/**
 * Keeps foreign web pages from using the cookies of their visitors. A browser sends the cookies with every WebSocket
 * handshake, and CORS does not apply to it (RFC 6455, section 10.2).
 */
@Injectable()
export class Origins {
  private readonly rule: OriginRule;
  private readonly allowMissing: boolean;
  private readonly logger = new Logger('PushModule');
  private hasWarned = false;

  /** @throws PushError `INVALID_OPTION` for an entry that no browser would send */
  constructor(
    @Inject(pushSettings) { origins: rule, allowMissingOrigin }: OriginSettings,
    @Inject(TrustedProxies) private readonly proxies: TrustedProxies,
  ) {
    this.rule = rule;
    this.allowMissing = allowMissingOrigin;
    if (typeof rule !== 'function') [rule].flat().forEach(assertEntry);
  }

  /**
   * @param corsOrigin the origin that the application's CORS has granted credentials to, on this very response
   * @throws PushError `FORBIDDEN`
   */
  async assertAllowed(request: ClientRequest, transport: TransportName, corsOrigin?: string): Promise<void> {
    if (transport !== 'websocket' && !isCredentialed(request)) return;
    const { origin } = request.headers;
    const isAllowed =
      origin === undefined
        ? this.isAllowedWithout(request, transport)
        : origin === corsOrigin || (await this.isAllowed(origin, request)) === true;
    if (!isAllowed) throw new PushError('FORBIDDEN', 'Web pages of this origin may not connect.');
  }

  private isAllowed(origin: string, request: ClientRequest): boolean | Promise<boolean> {
    if (this.rule === '*') return true;
    if (typeof this.rule === 'function') return this.rule(origin, request);
    const entries: readonly string[] = typeof this.rule === 'string' ? [this.rule] : this.rule;
    return entries.some((entry) =>
      entry === 'same-host' ? this.isAsked(origin, request) : entry === origin,
    );
  }

  /** Whether the page is of the scheme, host and port that the request is for. */
  private isAsked(origin: string, request: ClientRequest): boolean {
    const asked = this.proxies.originOf(request);
    if (asked === origin) return true;
    if (asked !== undefined && URL.canParse(origin) && new URL(origin).hostname === new URL(asked).hostname)
      this.warnOfProxy(origin, asked);
    return false;
  }

  /** If an undeclared proxy terminates TLS or changes the port, no page has the origin that the request seems to be for. */
  private warnOfProxy(origin: string, asked: string): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    const hint =
      'Behind a proxy, set trustedProxies, and have it send X-Forwarded-Proto and X-Forwarded-Host; or name the origin: ';
    this.logger.warn(
      `A page of ${JSON.stringify(origin)} was refused, since the request is for ${asked}. ${hint}` +
        `PushModule.forRoot({ origins: ['same-host', 'https://shop.example'] }).`,
    );
  }

  /** A browser sends `Origin` with every WebSocket handshake, but not with a GET of the same origin. */
  private isAllowedWithout({ headers }: ClientRequest, transport: TransportName): boolean {
    if (transport === 'websocket') return this.allowMissing;
    const site = headers['sec-fetch-site'];
    if (site === undefined) return this.allowMissing;
    return site === 'same-origin' || site === 'none';
  }
}

/** Whether the request carries what a browser would send for any page. Without it, CORS alone decides who may read. */
function isCredentialed({ headers }: ClientRequest): boolean {
  return headers.cookie !== undefined || ambientScheme.test(headers.authorization ?? '');
}

/** Browsers send the scheme, the host, and the port unless it is the scheme's default. */
function assertEntry(entry: unknown): void {
  if (entry === '*' || entry === 'same-host') return;
  if (typeof entry === 'string' && URL.canParse(entry)) {
    const { origin, protocol } = new URL(entry);
    // Of other schemes, such as those of browser extensions, the URL has no origin to compare with.
    if (entry === origin || (origin === 'null' && entry.startsWith(`${protocol}//`))) return;
  }
  const hint = 'Write them as a browser does: "https://shop.example", "http://localhost:4200".';
  throw new PushError('INVALID_OPTION', `origins: ${JSON.stringify(entry)} is none. ${hint}`);
}
