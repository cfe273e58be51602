import { Http2ServerResponse } from 'node:http2';
import type { RawRequest, RawResponse } from '../platform/raw-response.js';
import type { CheckedResource } from './resource.js';

/** Node's HTTP/1.1 accepts no parameter with a space or a semicolon in a 103, although it may be quoted. */
const refusedByHttp1 = /"[^"]*[\s;]/;

/**
 * Sends a 103 Early Hints response (RFC 8297).
 *
 * @returns whether it was sent. It is not once the final response has begun, or the client has left
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
 * Whether the request is a navigation: a browser would show the response as a page. Without `Sec-Fetch-Mode`, a client that
 * accepts HTML counts, also by a wildcard.
 */
export function isNavigation({ method, headers }: RawRequest): boolean {
  if (method !== 'GET') return false;
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return /^$|(?:^|,)\s*(?:text\/html|text\/\*|\*\/\*)\s*(?:[;,]|$)/i.test(headers.accept ?? '');
}
