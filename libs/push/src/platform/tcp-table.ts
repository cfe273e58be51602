import { readFile } from 'node:fs/promises';

/** A TCP connection as both ends name it, in the notation of the kernel's table. */
export type TcpKey = string;

/** A line of /proc/net/tcp that matters here: addresses, and retransmissions without an answer, if there are any. */
const line = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) 01 \S+ \S+ +(?!0{8} )([0-9A-F]+)/gm;

/** The key of a connection from what Node's socket says of it. */
export function tcpKey(localPort: number, remoteAddress: string, remotePort: number): TcpKey {
  return `${localPort} ${kernelAddress(remoteAddress)} ${remotePort}`;
}

/**
 * Connections whose peer does not acknowledge what was sent to it: how often the kernel has sent it again (proc(5)). Node
 * has no other way to learn it, and TCP itself gives up after a quarter of an hour. Empty where there is no such table.
 */
export async function unacknowledged(): Promise<Map<TcpKey, number>> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1').catch(() => '')),
  );
  const found = new Map<TcpKey, number>();
  for (const [, , localPort, remote, remotePort, retransmissions] of tables.join('').matchAll(line)) {
    const key = `${parseInt(localPort!, 16)} ${unmapped(remote!)} ${parseInt(remotePort!, 16)}`;
    found.set(key, parseInt(retransmissions!, 16));
  }
  return found;
}

/** IPv4 addresses in IPv6 sockets come after this. */
const mappedPrefix = '0000000000000000FFFF0000';

function unmapped(address: string): string {
  return address.startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address;
}

/** The kernel prints addresses as 32-bit words in the byte order of the machine. */
function kernelAddress(address: string): string {
  const ipv4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (ipv4)
    return ipv4
      .slice(1)
      .reverse()
      .map((byte) => hex(Number(byte), 2))
      .join('');
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const bytes = [...left, ...zeros, ...right].map((group) => hex(parseInt(group, 16), 4)).join('');
  return (bytes.match(/.{8}/g) ?? []).map((word) => word.match(/../g)!.reverse().join('')).join('');
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
