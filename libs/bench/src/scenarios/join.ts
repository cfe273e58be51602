import { once } from 'node:events';
import { connect } from 'node:net';
import { marker } from '../event.js';

/** What it took to get everything. */
interface Joined {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** In milliseconds. */
const patience = 10_000;

/** Opens an event stream, reads `count` events, by a sign that each has, and leaves. The time begins with the request. */
export async function join(port: number, path: string, count: number, sign = marker): Promise<Joined> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const start = performance.now();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let found = 0;
    let rest = Buffer.alloc(0);
    const fail = (error: Error) => reject(error);
    const timer = setTimeout(() => fail(new Error(`${found} of ${count} states came.`)), patience);
    socket.on('error', fail).on('close', () => fail(new Error('The server closed a connection.')));
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      const text = Buffer.concat([rest, chunk]);
      let at = text.indexOf(sign);
      let end = 0;
      for (; at >= 0; at = text.indexOf(sign, end)) {
        found++;
        end = at + sign.length;
      }
      // A sign may come in two pieces.
      rest = text.subarray(Math.max(end, text.length - sign.length + 1));
      if (found < count) return;
      clearTimeout(timer);
      resolve({ bytes, milliseconds: performance.now() - start });
      socket.resetAndDestroy();
    });
  });
}
