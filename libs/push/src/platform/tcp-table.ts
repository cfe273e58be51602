import { readFile } from 'node:fs/promises';

/** Identifies a TCP connection, in the notation of the kernel's table. */
export type TcpKey = string;

/** A line of /proc/net/tcp with unanswered retransmissions: the addresses, and how many there are. */
const line = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) 01 \S+ \S+ +(?!0{8} )([0-9A-F]+)/gm;

/** The key of a connection, from the properties of Node's socket. */
export function tcpKey(localPort: number, remoteAddress: string, remotePort: number): TcpKey {
  return `${localPort} ${kernelAddress(remoteAddress)} ${remotePort}`;
}

/**
 * The connections whose peer does not acknowledge data, with the number of retransmissions (proc(5)). Node cannot learn this in
 * another way, and TCP itself gives up after about 15 minutes. Empty on systems without /proc/net/tcp.
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

/** The prefix of IPv4 addresses in IPv6 sockets. */
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
