import type { TrustedProxies, ForwardedRequest } from '../../access/trusted-proxies.js';
import { PushError } from '../../contracts/errors.js';

/**
 * Lets only the dashboard's own page use its routes, and programs that are no browsers: another page must not make an operator's
 * browser publish, nor read with the operator's login, whatever CORS allows.
 *
 * @throws PushError `FORBIDDEN`
 */
export function assertOwnPage(request: ForwardedRequest, proxies: TrustedProxies): void {
  if (isOwnPage(request, proxies)) return;
  const advice = 'Behind a proxy, let it pass Host on, or set trustedProxies.';
  throw new PushError('FORBIDDEN', `Pages of other origins may not use the dashboard. ${advice}`);
}

function isOwnPage(request: ForwardedRequest, proxies: TrustedProxies): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers;
  // The browser has compared the origins that it knows, in front of all proxies. Over plain HTTP it does not say so.
  if (site !== undefined) return site === 'same-origin';
  return origin === undefined || origin === proxies.originOf(request);
}
