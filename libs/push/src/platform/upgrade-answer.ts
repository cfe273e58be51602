import type { OutgoingHttpHeaders } from 'node:http2';

const statusLine = /^HTTP\/1\.[01] ([1-5]\d\d)(?: .*)?$/;

/** Connection headers of HTTP/1.1, which HTTP/2 forbids (RFC 9113, 8.2.2), and headers of the upgrade (RFC 8441, section 5). */
const ofHttp1: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'sec-websocket-accept',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Translates the head of an HTTP/1.1 answer to an upgrade into HTTP/2: a `101` becomes the `200` of an extended CONNECT.
 *
 * @param head without the empty line at its end
 * @throws Error if it is not a valid head
 */
export function parseAnswer(head: string): OutgoingHttpHeaders {
  const [first = '', ...lines] = head.split('\r\n');
  const status = Number(statusLine.exec(first)?.[1]);
  if (!status) throw new Error('What answers an upgrade has to begin with an HTTP head.');
  const headers: OutgoingHttpHeaders = { ':status': status === 101 ? 200 : status };
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon <= 0 || ofHttp1.has(name)) continue;
    const before = headers[name];
    const value = line.slice(colon + 1).trim();
    headers[name] = before === undefined ? value : [before, value].flat().map(String);
  }
  return headers;
}
