import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Carrier } from '../carrier.js';

/** All reads of the process go here: nothing is kept of them but what a reader carries. */
const input = Buffer.allocUnsafe(256 * 1024);

/** Where to connect to. */
export interface Target {
  readonly port: number;
  readonly carrier: Carrier | undefined;
}

/** @param receive is given the first `length` bytes of `bytes`, which are good until it returns */
export function openSocket(
  { port, carrier }: Target,
  receive: (bytes: Buffer, length: number) => void,
  onConnect: () => void,
): Socket {
  const callback = (length: number, bytes: Uint8Array) => {
    receive(bytes as Buffer, length);
    return true;
  };
  const options = { port, host: '127.0.0.1', noDelay: true, onread: { buffer: input, callback } };
  if (carrier === undefined || carrier === 'h2c') return connect(options, onConnect);
  const ALPNProtocols = [carrier === 'h2' ? 'h2' : 'http/1.1'];
  return connectTls({ ...options, ALPNProtocols, rejectUnauthorized: false }, onConnect);
}
