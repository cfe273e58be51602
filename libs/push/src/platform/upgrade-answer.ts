import type { OutgoingHttpHeaders } from 'node:http2';

const statusLine = /^HTTP\/1\.[01] ([1-5]\d\d)(?: .*)?$/;

/** Headers of HTTP/1.1's connection, which HTTP/2 does not have (RFC 9113, 8.2.2), and of its upgrade (RFC 8441, section 5). */
const ofHttp1: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'sec-websocket-accept',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The head of an HTTP/1.1 answer to an upgrade as HTTP/2 has it: a `101` is the `200` of an extended CONNECT.
 *
 * @param head without the empty line at its end
 * @throws Error if it is none
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
