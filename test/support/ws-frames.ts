import { randomBytes } from 'node:crypto';
import { openRaw, type RawSocket } from './raw-socket.js';

/** A frame as a client sends it (RFC 6455, section 5.2), right or wrong. */
export function clientFrame(
  payload: string | Buffer,
  { opcode = 1, isFinal = true, isMasked = true, reserved = 0 } = {},
): Buffer {
  const data = Buffer.from(payload);
  const length = data.length < 126 ? [data.length] : [126, data.length >> 8, data.length & 0xff];
  if (data.length > 0xffff) throw new Error('this is for small frames');
  const mask = randomBytes(4);
  const head = [
    (isFinal ? 0x80 : 0) | reserved | opcode,
    (isMasked ? 0x80 : 0) | length[0]!,
    ...length.slice(1),
  ];
  const body = isMasked ? Buffer.concat([mask, data.map((byte, index) => byte ^ mask[index % 4]!)]) : data;
  return Buffer.concat([Buffer.from(head), body]);
}

/** What makes a request the handshake of a WebSocket (RFC 6455, section 4.1). */
export function handshakeHeaders(): string[] {
  return [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ];
}

/** Sends the handshake of a WebSocket, and nothing else. */
export function openHandshake(port: number, path = '/push', ...headers: string[]): Promise<RawSocket> {
  return openRaw(port, `GET ${path} HTTP/1.1`, 'Host: x', ...handshakeHeaders(), ...headers);
}
