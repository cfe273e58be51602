import { Inject, Injectable } from '@nestjs/common';
import { BlockList, isIP } from 'node:net';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';

/** What tells the origin of a request: its headers and its socket, as Node has them for HTTP/1.1 and HTTP/2. */
export interface ForwardedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string; readonly encrypted?: boolean };
}

/**
 * Finds the address of a client, and the URL that it requested, through the proxies that the application trusts. Only their
 * `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto` are believed, since a client can send those headers as well.
 * `Forwarded` (RFC 7239) is never believed: most proxies pass on what the client has sent.
 */
@Injectable()
export class TrustedProxies {
  private readonly list = new BlockList();
  private readonly isEmpty: boolean;

  /** @throws PushError `INVALID_OPTION` for what is neither an address nor a network */
  constructor(@Inject(pushSettings) { trustedProxies }: { readonly trustedProxies: readonly string[] }) {
    this.isEmpty = trustedProxies.length === 0;
    for (const proxy of trustedProxies) this.trust(proxy);
  }

  /** The client's address; empty if the connection is closed already. */
  addressOf(request: ForwardedRequest): string {
    const peer = peerOf(request);
    if (!this.isTrusted(peer)) return peer;
    let client = peer;
    for (const hop of header(request, 'x-forwarded-for').split(',').reverse()) {
      const address = hostOf(hop.trim());
      if (isIP(address) === 0) break;
      client = address;
      if (!this.isTrusted(client)) break;
    }
    return client;
  }

  /**
   * The origin that the client requested: scheme, host and port, as a browser writes the origin of a page. If a header has
   * several values, the last is that of the nearest proxy. `undefined` if the request has no host.
   */
  originOf(request: ForwardedRequest): string | undefined {
    const isForwarded = this.isTrusted(peerOf(request));
    const forwarded = (name: string) => (isForwarded ? nearest(header(request, name)) : '');
    const scheme = forwarded('x-forwarded-proto').toLowerCase() || (isEncrypted(request) ? 'https' : 'http');
    const host = forwarded('x-forwarded-host') || header(request, 'host') || header(request, ':authority');
    // Some proxies write the scheme of the WebSocket.
    const url = `${scheme.replace(/^ws/, 'http')}://${host}`;
    return /^https?:/.test(url) && hostGrammar.test(host) && URL.canParse(url)
      ? new URL(url).origin
      : undefined;
  }

  /** Whether the request came through a proxy, although the application has declared none. */
  isUndeclared(request: ForwardedRequest): boolean {
    return this.isEmpty && header(request, 'x-forwarded-for') !== '';
  }

  /** A Unix socket has no address: only a proxy on this machine can connect to it. */
  private isTrusted(address: string): boolean {
    if (this.isEmpty) return false;
    const family = isIP(address);
    return family === 0 ? address === '' : this.list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }

  private trust(proxy: string): void {
    const [address = '', prefix] = proxy.split('/');
    const family = isIP(address);
    const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
    if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 6 ? 128 : 32)) {
      const hint = 'List addresses and networks: "10.0.0.5", "10.0.0.0/8", "::1".';
      throw new PushError('INVALID_OPTION', `trustedProxies: ${JSON.stringify(proxy)} is neither. ${hint}`);
    }
    this.list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/**
 * The part of an address that limits count by: with IPv6 its first 64 bits, since one machine may have a whole /64 network.
 */
export function addressGroup(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const start = head === '' ? [] : head.split(':');
  const end = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - start.length - end.length);
  const groups = [...start, ...Array<string>(zeros).fill('0'), ...end].slice(0, 4);
  return groups.map((group) => parseInt(group, 16).toString(16)).join(':');
}

/** A name or an address, with an optional port; nothing that would make a URL name another host. */
const hostGrammar = /^(?:\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]]+)(?::\d+)?$/i;

/** The last value of a list: the nearest proxy has added it. */
function nearest(list: string): string {
  return list.split(',').at(-1)!.trim();
}

/** The address of the peer; empty for a Unix socket, and if the connection is closed already. */
function peerOf({ socket }: ForwardedRequest): string {
  return plain(read(socket, 'remoteAddress') ?? '');
}

function isEncrypted({ socket }: ForwardedRequest): boolean {
  return read(socket, 'encrypted') ?? false;
}

/** The socket of an HTTP/2 request is a proxy object, which throws once the socket is gone. */
function read<Key extends 'remoteAddress' | 'encrypted'>(socket: ForwardedRequest['socket'], key: Key) {
  try {
    return socket[key];
  } catch {
    return undefined;
  }
}

/** Node writes an IPv4 peer of a dual-stack socket as `::ffff:192.0.2.1`, and adds a zone to link-local addresses. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.split('%')[0]!;
}

/** Without the port and the brackets that some proxies write. */
function hostOf(hop: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1];
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1];
  return plain(bracketed ?? withPort ?? hop);
}

function header({ headers }: ForwardedRequest, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : (value?.join(',') ?? '');
}
