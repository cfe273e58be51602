import type { Type } from '@nestjs/common';
import type { Authenticator } from './authenticator.js';
import type { LimitOptions } from './limits.js';
import type { OriginRule } from './origins.js';

/** Which clients may connect, from where, and how much they may use. */
export interface AccessOptions {
  /**
   * The class that authenticates a client before its WebSocket, or its stream of the built-in SSE endpoint, exists. Push uses
   * the application's provider of this class, or else creates an instance with whatever it injects. Default: all clients are
   * anonymous.
   */
  readonly authenticate?: Type<Authenticator>;
  /**
   * The web pages that may open WebSockets, and SSE streams with cookies. For SSE, the origins that `enableCors` allows with
   * credentials may connect as well. Default: `'same-host'`.
   */
  readonly origins?: OriginRule;
  /**
   * Whether clients without an `Origin` header may connect, as native clients and servers do. Default: `true`. Browsers
   * always send the header where it matters.
   */
  readonly allowMissingOrigin?: boolean;
  /**
   * Addresses and networks of the proxies in front of the application. Push believes their `X-Forwarded-For`,
   * `X-Forwarded-Proto` and `X-Forwarded-Host`, and those of a Unix socket as soon as one proxy is listed. Default: none.
   */
  readonly trustedProxies?: readonly string[];
  /** How much clients may use. Every limit has a default. */
  readonly limits?: LimitOptions;
}
