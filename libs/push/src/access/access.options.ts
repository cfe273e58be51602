import type { Type } from '@nestjs/common';
import type { Authenticator } from './authenticator.js';
import type { LimitOptions } from './limits.js';
import type { OriginRule } from './origins.js';

/** Who may connect, from where, and how much of it. */
export interface AccessOptions {
  /**
   * The class that finds out who a client is, before its WebSocket or its stream of the built-in SSE endpoint exists. A
   * provider of the application, or made for push with whatever it injects. Default: everybody is anonymous.
   */
  readonly authenticate?: Type<Authenticator>;
  /**
   * The web pages that may open WebSockets, and SSE streams with cookies (there, what `enableCors` allows with
   * credentials is allowed as well). Default: `'same-host'`.
   */
  readonly origins?: OriginRule;
  /**
   * Whether clients may connect that name no origin, as those that are no browser do. Default: `true`; browsers always
   * name it where it matters.
   */
  readonly allowMissingOrigin?: boolean;
  /**
   * Addresses and networks of the proxies in front of the application, whose `X-Forwarded-For`, `X-Forwarded-Proto` and
   * `X-Forwarded-Host` are believed; a Unix socket is, as soon as one is listed. Default: none.
   */
  readonly trustedProxies?: readonly string[];
  /** What clients may take. All have defaults. */
  readonly limits?: LimitOptions;
}
