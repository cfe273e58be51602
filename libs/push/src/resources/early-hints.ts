import { Http2ServerResponse } from 'node:http2';
import type { RawRequest, RawResponse } from '../platform/raw-response.js';
import type { CheckedResource } from './resource.js';

/** Node's HTTP/1.1 accepts no parameter with a space or a semicolon in a 103, although it may be quoted. */
const refusedByHttp1 = /"[^"]*[\s;]/;

/**
 * Sends a 103 Early Hints response (RFC 8297).
 *
 * @returns whether it was sent: not if the final response was begun or the client has gone
 */
export function sendEarlyHints(response: RawResponse, resources: readonly CheckedResource[]): boolean {
  const links = resources.map(({ link }) => link);
  if (response instanceof Http2ServerResponse) {
    const { stream } = response;
    if (stream.headersSent || stream.destroyed || stream.closed) return false;
    stream.additionalHeaders({ ':status': 103, link: links.join(', ') });
    return true;
  }
  const accepted = links.filter((link) => !refusedByHttp1.test(link));
  if (accepted.length === 0 || response.headersSent || response.destroyed) return false;
  response.writeEarlyHints({ link: accepted });
  return true;
}

/**
 * Whether a browser would show the answer as a page. Clients that do not say (`Sec-Fetch-Mode` is missing) count if they
 * accept HTML, be it by a wildcard.
 */
export function isNavigation({ method, headers }: RawRequest): boolean {
  if (method !== 'GET') return false;
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return /^$|(?:^|,)\s*(?:text\/html|text\/\*|\*\/\*)\s*(?:[;,]|$)/i.test(headers.accept ?? '');
}
