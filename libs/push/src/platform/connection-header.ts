import { ServerResponse } from 'node:http';
import { beforeHead, type WithHead } from './response-head.js';
import type { RawRequest, RawResponse } from './raw-response.js';

/**
 * Nest writes `Connection: keep-alive` on every event stream. If the client (RFC 9112, section 9.6) or the server has decided to
 * close the connection after this response, the response says so.
 *
 * @param isLast the server wants it to be the last one of its connection, so that the next stream takes a new one
 */
export function honourClose(request: RawRequest, response: RawResponse, isLast: boolean): void {
  if (!(response instanceof ServerResponse)) return;
  if (!isLast && !says(request.headers.connection) && !says(response.getHeader('connection'))) return;
  beforeHead(response as unknown as WithHead, (head) => head.set('connection', 'close'));
}

function says(header: unknown): boolean {
  return typeof header === 'string' && /(^|,)\s*close\s*(,|$)/i.test(header);
}
