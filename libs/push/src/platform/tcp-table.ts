import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Identifies a TCP connection, in the notation of the kernel's table. */
export type TcpKey = string;

/** A line of /proc/net/tcp with unanswered retransmissions: the addresses, and how many there are. */
const line = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) 01 \S+ \S+ +(?!0{8} )([0-9A-F]+)/gm;

/** The key of a connection, from the properties of Node's socket. */
export function tcpKey(localPort: number, remoteAddress: string, remotePort: number): TcpKey {
  return `${localPort} ${kernelAddress(remoteAddress)} ${remotePort}`;
}

/** The kernel's tables of connections. */
const tables = ['/proc/net/tcp', '/proc/net/tcp6'];

/** How much of a table is looked at in one turn of the event loop, in bytes. */
const chunkSize = 64 * 1024;

/**
 * The connections whose peer does not acknowledge data, with the number of retransmissions (proc(5)). Node cannot learn this in
 * another way, and TCP itself gives up after about 15 minutes. Empty on systems without /proc/net/tcp.
 *
 * The tables list the connections of all processes that share the network, so with many on one machine it takes long to read them.
 */
export async function unacknowledged(): Promise<Map<TcpKey, number>> {
  const found = new Map<TcpKey, number>();
  for (const table of tables) {
    let rest = '';
    try {
      for await (const chunk of createReadStream(table, { encoding: 'latin1', highWaterMark: chunkSize })) {
        const text = rest + (chunk as string);
        const end = text.lastIndexOf('\n') + 1;
        addSuspects(text.slice(0, end), found);
        rest = text.slice(end);
      }
    } catch {
      // There is no such table here.
    }
  }
  return found;
}

function addSuspects(lines: string, found: Map<TcpKey, number>): void {
  for (const [, , localPort, remote, remotePort, retransmissions] of lines.matchAll(line)) {
    const key = `${parseInt(localPort!, 16)} ${unmapped(remote!)} ${parseInt(remotePort!, 16)}`;
    found.set(key, parseInt(retransmissions!, 16));
  }
}

/**
 * How often TCP has retransmitted, on all connections that the tables list: as long as it stays the same, no connection has become
 * one that `unacknowledged` finds. `undefined` where the kernel does not tell.
 */
export async function retransmitted(): Promise<string | undefined> {
  try {
    const [snmp, netstat] = await Promise.all(
      ['/proc/net/snmp', '/proc/net/netstat'].map((path) => readFile(path, 'latin1')),
    );
    // Where there is no route any more, a time runs out and nothing is sent.
    return `${counter(snmp!, 'Tcp', 'RetransSegs')} ${counter(netstat!, 'TcpExt', 'TCPTimeouts')}`;
  } catch {
    return undefined;
  }
}

/** The value below `name`, of the two lines that begin with `group`. */
function counter(text: string, group: string, name: string): string {
  const [names, values] = text.split('\n').filter((each) => each.startsWith(`${group}: `));
  const value = values?.split(' ')[names!.split(' ').indexOf(name)];
  if (value === undefined) throw new Error(`The kernel does not count ${name}.`);
  return value;
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
