import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PushError } from '../../contracts/errors.js';

/**
 * Answers an upgrade with the status of `error` instead of 101, and with the body that Nest gives errors.
 *
 * @param comeBackIn milliseconds after which to retry, sent if the error is retryable
 */
export function refuseUpgrade(socket: Duplex, error: PushError, comeBackIn: number): void {
  const { status, code, message } = error;
  const body = JSON.stringify({ statusCode: status, code, message });
  const headers = ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  // RFC 9110, sections 11.6.1 and 10.2.3
  if (status === 401) headers.push('WWW-Authenticate: Bearer');
  if (error.retryable) headers.push(`Retry-After: ${Math.ceil(comeBackIn / 1_000)}`);
  answer(socket, status, headers, body);
}

/** Answers an upgrade that no listener handles with 404. */
export function refusePath(socket: Duplex): void {
  answer(socket, 404, ['Content-Length: 0'], '');
}

/** How long another listener may take to answer an upgrade, in milliseconds. */
const answerWithin = 5_000;

/**
 * Leaves an upgrade to the other listeners, and answers 404 if none of them does. Node no longer listens to the socket: without
 * a listener a reset would end the process, and without an answer the socket would stay open for ever.
 */
export function leaveToOthers(socket: Duplex): void {
  const { bytesWritten } = socket as Socket;
  socket.on('error', () => socket.destroy());
  const check = () => {
    if ((socket as Socket).bytesWritten === bytesWritten && !socket.destroyed) refusePath(socket);
  };
  setTimeout(check, answerWithin).unref();
}

function answer(socket: Duplex, status: number, headers: readonly string[], body: string): void {
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  const common = ['Connection: close', 'Cache-Control: no-store'];
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...common, ...headers];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
