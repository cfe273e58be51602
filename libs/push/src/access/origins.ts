import { PushError } from '../contracts/errors.js';
import type { TransportName } from '../contracts/connection.js';
import type { ClientRequest } from './handshake.js';
import type { TrustedProxies } from './trusted-proxies.js';

/**
 * The web pages that may connect: `'same-host'` (those of the host that is asked), `'*'` (all), a list of origins
 * (`https://shop.example`; `'same-host'` may be among them), or a function that decides.
 */
export type OriginRule =
  | '*'
  | 'same-host'
  | readonly string[]
  | ((origin: string, request: ClientRequest) => boolean | Promise<boolean>);

/** Authorization schemes that a browser adds by itself, also to what a foreign page asks for. */
const ambientScheme = /^(?:basic|digest|negotiate|ntlm)\b/i;

/**
 * Keeps foreign web pages from using the cookies of their visitors: a browser sends them along with a WebSocket to
 * anywhere, and no CORS applies to it (RFC 6455, section 10.2).
 */
export class Origins {
  constructor(
    private readonly rule: OriginRule,
    private readonly allowMissing: boolean,
    private readonly proxies: TrustedProxies,
  ) {}

  /**
   * @param corsOrigin the origin that the application's CORS has granted credentials to, on this very response
   * @throws PushError `FORBIDDEN`
   */
  async assertAllowed(request: ClientRequest, transport: TransportName, corsOrigin?: string): Promise<void> {
    if (transport === 'sse' && !isCredentialed(request)) return;
    const { origin } = request.headers;
    const isAllowed =
      origin === undefined
        ? this.isAllowedWithout(request, transport)
        : origin === corsOrigin || (await this.isAllowed(origin, request));
    if (!isAllowed) throw new PushError('FORBIDDEN', 'Web pages of this origin may not connect.');
  }

  private isAllowed(origin: string, request: ClientRequest): boolean | Promise<boolean> {
    if (this.rule === '*') return true;
    if (typeof this.rule === 'function') return this.rule(origin, request);
    const entries: readonly string[] = typeof this.rule === 'string' ? [this.rule] : this.rule;
    return entries.some((entry) =>
      entry === 'same-host' ? isSameHost(origin, this.proxies.hostOf(request)) : entry === origin,
    );
  }

  /** A browser names the origin of every WebSocket; of a GET it leaves it out, where the page is of the same origin. */
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

function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin) || host === '') return false;
  const page = new URL(origin);
  const asked = `${page.protocol}//${host}`;
  // The URL parser drops the port that the scheme has anyway.
  return page.host !== '' && URL.canParse(asked) && new URL(asked).host === page.host;
}
