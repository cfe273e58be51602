import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createCertificate } from '../src/certificate.js';
import { afterTest } from './support/cleanup.js';
import {
  acknowledged,
  endHeaders,
  endStream,
  frame,
  FrameType,
  headerBlock,
  number32,
  preface,
  requestFrame,
  resetFrame,
} from './support/http2-frames.js';
import { NewsProcess } from './support/news-process.js';
import { connectRaw, RawSocket } from './support/raw-socket.js';
import { eventually } from './support/watched.js';
import { assertSurvives } from './support/witness.js';

/*
 * The hostile client of HTTP/2, which writes frames, against a Fastify server with TLS that speaks HTTP/1.1 too, in a process
 * of its own. Meanwhile a client that behaves gets every event: over HTTP/2, and over SSE and WebSocket of HTTP/1.1.
 */

let target: NewsProcess;

beforeAll(async () => {
  const push = { limits: { handshakeTimeout: 1_000 } };
  target = await NewsProcess.launch({ platform: 'h2', tls: await createCertificate(), push });
}, 30_000);

afterAll(() => target.child.kill());

const survives = (attack: () => Promise<unknown>) => assertSurvives(target, attack);

const count = (length: number) => Array.from({ length }, (_, index) => index);
const stream = (n: number) => 2 * n + 1;
const get = (path = '/push/events?topic=news.x') => ({
  ':method': 'GET',
  ':scheme': 'https',
  ':authority': 'localhost',
  ':path': path,
});
const tunnel = {
  ...get('/push'),
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  'sec-websocket-version': '13',
};

/** A TLS connection that has agreed on `protocol`. */
async function openTls(protocol: string): Promise<RawSocket> {
  const options = { ALPNProtocols: [protocol], rejectUnauthorized: false, host: '127.0.0.1' };
  const socket: TLSSocket = connectTls({ port: target.port, ...options });
  const raw = new RawSocket(socket);
  afterTest(() => socket.destroy());
  await once(socket, 'secureConnect');
  return raw;
}

/** A connection that has said what HTTP/2 wants to hear first. */
async function openHttp2(): Promise<RawSocket> {
  const raw = await openTls('h2');
  raw.send(preface);
  await raw.until(() => raw.received.length > 0);
  return raw;
}

/** Sends it all, as fast as the server takes it, until that is done or the server has had enough. */
async function pour(raw: RawSocket, chunks: Iterable<Buffer>): Promise<void> {
  for (const chunk of chunks) {
    if (raw.isClosed) return;
    if (!raw.socket.write(chunk))
      await Promise.race([once(raw.socket, 'drain'), raw.untilClosed()]).catch(() => undefined);
  }
}

async function attack(clients: number, chunks: () => Iterable<Buffer>): Promise<void> {
  await survives(async () => {
    const raws = await Promise.all(count(clients).map(() => openHttp2()));
    await Promise.all(raws.map((raw) => pour(raw, chunks())));
    for (const raw of raws) raw.socket.destroy();
  });
}

/** So many chunks of a hundred. */
function* hundreds(chunks: number, make: (n: number) => Buffer): Generator<Buffer> {
  for (let chunk = 0; chunk < chunks; chunk++)
    yield Buffer.concat(count(100).map((n) => make(chunk * 100 + n)));
}

it.each([
  ['streams that are asked for and reset', get(), 50],
  ['WebSockets that are asked for and reset', tunnel, 50],
  ['streams of a topic that nobody may have', get('/push/events?topic=secret'), 50],
])('rapid reset: %s, by the thousand', async (_, fields, chunks) => {
  const block = headerBlock(fields);
  const flags = endHeaders | (':protocol' in fields ? 0 : endStream);
  await attack(4, () =>
    hundreds(chunks, (n) =>
      Buffer.concat([frame(FrameType.headers, flags, stream(n), block), resetFrame(stream(n))]),
    ),
  );
});

it('streams that are reset once they have begun', async () => {
  await survives(async () => {
    const raw = await openHttp2();
    for (let round = 0; round < 5; round++) {
      const ids = count(20).map((n) => stream(round * 20 + n));
      raw.send(Buffer.concat(ids.map((id) => requestFrame(id, get()))));
      await eventually(async () => {
        const { connections } = await target.ask<{ connections: number }>('stats');
        return connections === 3 + 20 || raw.isClosed;
      });
      raw.send(Buffer.concat(ids.map((id) => resetFrame(id))));
    }
    raw.socket.destroy();
  });
});

it.each<[string, () => Iterable<Buffer>]>([
  ['SETTINGS', () => hundreds(500, () => frame(FrameType.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0])))],
  ['SETTINGS that are empty', () => hundreds(500, () => frame(FrameType.settings, 0, 0))],
  ['acknowledgements', () => hundreds(200, () => frame(FrameType.settings, acknowledged, 0))],
  ['PING', () => hundreds(500, () => frame(FrameType.ping, 0, 0, Buffer.alloc(8)))],
  ['WINDOW_UPDATE', () => hundreds(500, () => frame(FrameType.windowUpdate, 0, 0, number32(1)))],
  ['frames that nobody knows', () => hundreds(500, () => frame(0xee, 0, 0, Buffer.alloc(16)))],
  [
    'empty DATA',
    () => [
      frame(FrameType.headers, endHeaders, 1, headerBlock({ ...get('/push/publish'), ':method': 'POST' })),
      ...hundreds(500, () => frame(FrameType.data, 0, 1)),
    ],
  ],
  [
    'CONTINUATION without end',
    () => [
      frame(FrameType.headers, endStream, 1, headerBlock(get())),
      ...hundreds(500, (n) =>
        frame(FrameType.continuation, 0, 1, headerBlock({ [`x-${n}`]: 'y'.repeat(500) })),
      ),
    ],
  ],
])('a flood of %s, whose answers nobody reads', async (_, chunks) => {
  await attack(4, chunks);
});

it.each<[string, Buffer]>([
  ['a frame that is too large', frame(FrameType.data, 0, 1, Buffer.alloc(100_000))],
  ['headers that are no HPACK', frame(FrameType.headers, endStream | endHeaders, 1, Buffer.alloc(50, 0xff))],
  ['a stream of the server’s', frame(FrameType.headers, endStream | endHeaders, 2, headerBlock(get()))],
  ['a window that overflows', frame(FrameType.windowUpdate, 0, 0, number32(0x7fffffff))],
  ['a reset of stream 0', resetFrame(0)],
  ['a line break in a header', requestFrame(1, { ...get(), 'x-a': 'b\r\nx-forged: 1' })],
  ['a line break in the path', requestFrame(1, get('/push/events?topic=news.x\r\nx-forged: 1'))],
  ['an upper-case header', requestFrame(1, { ...get(), 'X-A': 'b' })],
  ['no pseudo-header', requestFrame(1, { host: 'x' })],
  [
    'a GOAWAY in the middle',
    Buffer.concat([requestFrame(1, get()), frame(FrameType.goAway, 0, 0, Buffer.alloc(8))]),
  ],
])('what is wrong ends what is wrong alone: %s', async (_, bytes) => {
  await attack(10, () => [bytes]);
});

it('1,000 streams whose window is closed hold nothing but their places', async () => {
  await survives(async () => {
    const noWindow = frame(FrameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
    const raws = await Promise.all(count(10).map(() => openHttp2()));
    for (const raw of raws) {
      raw.send(noWindow);
      raw.send(Buffer.concat(count(90).map((n) => requestFrame(stream(n), get()))));
    }
    await target.ask('publish', { topic: 'news.x', count: 2_000, size: 1_000 });
    for (const raw of raws) raw.socket.destroy();
  });
});

it.each([
  ['TLS that is never agreed on', undefined],
  ['HTTP/2 without a request', 'h2'],
  ['HTTP/1.1 without a request', 'http/1.1'],
])('%s is dropped, 200 times', async (_, protocol) => {
  await survives(async () => {
    const raws = await Promise.all(
      count(200).map(() => (protocol ? openTls(protocol) : connectRaw(target.port))),
    );
    if (protocol === 'h2') for (const raw of raws) raw.send(preface);
    await Promise.all(raws.map((raw) => raw.untilClosed()));
  });
});
