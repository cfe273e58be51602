import type { IncomingHttpHeaders } from 'node:http';
import type { TransportName } from '../contracts/connection.js';
import { isClientToken } from './client-identity.js';
import type { ForwardedRequest } from './trusted-proxies.js';

/** A request as Node has it, of HTTP/1.1 or HTTP/2. */
export interface ClientRequest extends ForwardedRequest {
  readonly url?: string;
  readonly headers: IncomingHttpHeaders;
}

/** The credentials that a client has sent, for the authenticator. */
export interface Handshake {
  readonly transport: TransportName;
  /** With names in lower case. Empty when the client authenticates by a message: then there is only the `token`. */
  readonly headers: IncomingHttpHeaders;
  /** By name, decoded. Signatures are not verified. */
  readonly cookies: Readonly<Partial<Record<string, string>>>;
  /** The query, without the parameters that push reads: `ticket`, and the `client` that push has given out. */
  readonly query: URLSearchParams;
  /** The client's address, as the trusted proxies report it. */
  readonly address: string;
  /** Of the `Authorization: Bearer` header (RFC 6750), or of the message by which the client authenticates. */
  readonly token: string | undefined;
  /** Aborted when it is too late for an answer. */
  readonly signal: AbortSignal;
}

/** The handshake of a request, without the signal. */
export function handshakeOf(
  request: ClientRequest,
  transport: TransportName,
  address: string,
): Omit<Handshake, 'signal'> {
  const query = queryOf(request);
  query.delete('ticket');
  const client = clientTokenOf(request);
  if (client !== undefined) query.delete('client', client);
  return {
    transport,
    headers: request.headers,
    cookies: cookiesOf(request.headers.cookie),
    query,
    address,
    token: /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1],
  };
}

/** The one-time ticket in the query, if there is one. */
export function ticketOf(request: ClientRequest): string | undefined {
  return request.url?.includes('ticket=') ? (queryOf(request).get('ticket') ?? undefined) : undefined;
}

/**
 * The token in the query by which a client shows that it had a connection before. The application may use a `client` parameter of
 * its own as well.
 */
export function clientTokenOf(request: ClientRequest): string | undefined {
  return request.url?.includes('client=') ? queryOf(request).getAll('client').find(isClientToken) : undefined;
}

/** How long the query is, in bytes as sent. */
export function queryLength({ url = '' }: ClientRequest): number {
  const start = url.indexOf('?');
  return start < 0 ? 0 : url.length - start - 1;
}

function queryOf({ url = '' }: ClientRequest): URLSearchParams {
  const start = url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
}

/** RFC 6265, section 5.4. Of two cookies of one name the first holds: it has the longer path. */
function cookiesOf(header: string | undefined): Record<string, string> {
  const cookies = Object.create(null) as Record<string, string>;
  for (const pair of header?.split(';') ?? []) {
    const split = pair.indexOf('=');
    const name = pair.slice(0, split).trim();
    if (split <= 0 || name in cookies) continue;
    cookies[name] = decoded(pair.slice(split + 1).trim());
  }
  return cookies;
}

function decoded(value: string): string {
  const bare = value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value;
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}
