import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import {
  endHeaders,
  endStream,
  frame,
  FrameType,
  headerBlock,
  number32,
  resetFrame,
} from './http2-frames.js';
import { clientFrame, handshakeHeaders } from './ws-frames.js';

/*
 * Clients at random that do not wait: they ask for something that takes the application a while to decide, and meanwhile go on,
 * reset, hang up or send junk. The application is undecided-server.mjs.
 */

/** What the application should do, as it takes it from the query. */
const plan = fc
  .tuple(
    fc.constantFrom('authenticator', 'authenticator', 'policy', 'hook', 'guard'),
    fc.constantFrom(0, 1, 5, 20, 50),
    fc.constantFrom('ok', 'ok', 'no', 'bug', 'hang'),
  )
  .map((parts) => encodeURIComponent(parts.join(':')));

interface Target {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

const publication = JSON.stringify({ topic: 'rooms.1', data: 1 });
const subscriptions = JSON.stringify({ subscribe: [{ topics: ['open.1'] }, { topics: ['rooms.1'] }] });
const target: fc.Arbitrary<Target> = fc
  .tuple(
    fc.constantFrom<Target>(
      { method: 'GET', path: '/push/events?topic=open.1' },
      { method: 'GET', path: '/push/events?topic=rooms.1' },
      { method: 'HEAD', path: '/push/events?topic=open.1' },
      { method: 'POST', path: '/push/events?', body: subscriptions },
      { method: 'POST', path: '/push/publish?', body: publication },
      { method: 'GET', path: '/own?' },
      { method: 'HEAD', path: '/own?' },
      { method: 'GET', path: '/piped?' },
      { method: 'GET', path: '/page?' },
      { method: 'GET', path: '/nowhere?' },
    ),
    plan,
  )
  .map(([what, at]) => ({ ...what, path: `${what.path}&at=${at}` }));

const say = (event: string, data: object) => clientFrame(JSON.stringify({ event, data }));
const webSocketBytes: fc.Arbitrary<Buffer> = fc.constantFrom(
  say('subscribe', { topics: ['open.1'], from: 'earliest' }),
  say('subscribe', { topics: ['rooms.1'] }),
  say('unsubscribe', { topics: ['open.1'] }),
  say('publish', { topic: 'rooms.1', data: 1 }),
  say('refresh', { token: 'x' }),
  clientFrame(Buffer.from([3, 232]), { opcode: 8 }),
  clientFrame('', { opcode: 9 }),
  clientFrame('{}', { opcode: 5 }),
  clientFrame('junk'),
  Buffer.from('junk'),
  Buffer.alloc(0),
);

/** Something that a client does: bytes to send, a while to wait, or a way to leave. */
export type Step = Buffer | number | 'end' | 'destroy' | 'reset';

const pause: fc.Arbitrary<Step> = fc.constantFrom(0, 0, 1, 5, 15, 40);
const goodbye = fc.constantFrom<Step>('end', 'destroy', 'reset');

/** Connects, and does what `steps` say after `opening`. Sends what lies between two pauses in one write. */
export async function play(port: number, opening: Buffer, steps: readonly Step[]): Promise<void> {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const closed = new Promise<void>((resolve) =>
    socket.on('error', () => undefined).once('close', () => resolve()),
  );
  socket.resume().on('end', () => socket.end());
  await once(socket, 'connect');
  let pending = [opening];
  const flush = () => {
    if (socket.writable) socket.write(Buffer.concat(pending));
    pending = [];
  };
  for (const step of steps) {
    if (Buffer.isBuffer(step)) pending.push(step);
    else {
      flush();
      if (step === 0) await turn();
      else if (typeof step === 'number') await sleep(step);
      else if (step === 'end') socket.end();
      else {
        // Node cannot reset what it is ending.
        if (step === 'reset' && socket.writable) socket.resetAndDestroy();
        else socket.destroy();
        break;
      }
    }
  }
  flush();
  // Whoever has only ended its half may still be sent a stream that does not end.
  await Promise.race([closed, sleep(50)]);
  socket.destroy();
  await closed;
}

/** The head of a request of HTTP/2. */
export const fields = ({ method, path, body }: Target) => ({
  ':method': method,
  ':scheme': 'http',
  ':authority': 'localhost',
  ':path': path,
  ...(body && { 'content-type': 'application/json', 'content-length': String(body.length) }),
});

/** The head of a WebSocket over HTTP/2 (RFC 8441). */
export const upgrade2 = (path: string) => ({
  ...fields({ method: 'CONNECT', path }),
  ':protocol': 'websocket',
  'sec-websocket-version': '13',
});

/** Opens a stream; `n` is its number. */
const opening2: fc.Arbitrary<(n: number) => Buffer> = fc.oneof(
  fc.tuple(target, fc.boolean(), fc.boolean()).map(([what, isEnded, isCut]) => (n: number) => {
    const flags = endHeaders | (isEnded && !what.body ? endStream : 0);
    const head = frame(FrameType.headers, flags, n, headerBlock(fields(what)));
    if (!what.body) return head;
    const body = Buffer.from(isCut ? what.body.slice(0, 10) : what.body);
    return Buffer.concat([head, frame(FrameType.data, isEnded ? endStream : 0, n, body)]);
  }),
  fc.tuple(plan, fc.constantFrom('/push', '/push', '/push', '/nowhere')).map(
    ([at, path]) =>
      (n: number) =>
        frame(FrameType.headers, endHeaders, n, headerBlock(upgrade2(`${path}?at=${at}`))),
  ),
  fc.constant((n: number) =>
    frame(FrameType.headers, endHeaders, n, headerBlock({ ':method': 'CONNECT', ':authority': 'x:1' })),
  ),
);

/** Something that happens to a stream. */
const onStream: fc.Arbitrary<(n: number) => Buffer> = fc.oneof(
  fc.tuple(webSocketBytes, fc.boolean()).map(
    ([bytes, isEnd]) =>
      (n: number) =>
        frame(FrameType.data, isEnd ? endStream : 0, n, bytes),
  ),
  fc.constantFrom(0, 0, 0, 2, 5, 8, 99).map((code) => (n: number) => resetFrame(n, code)),
  fc
    .constantFrom(0, 1, 1_000_000, 2 ** 31 - 1)
    .map((size) => (n: number) => frame(FrameType.windowUpdate, 0, n, number32(size))),
  fc.constant((n: number) =>
    frame(FrameType.headers, endHeaders | endStream, n, headerBlock({ trailer: 'x' })),
  ),
);

const onSession: fc.Arbitrary<Buffer> = fc.constantFrom(
  frame(FrameType.ping, 0, 0, Buffer.alloc(8)),
  frame(FrameType.settings, 0, 0, Buffer.from([0, 2, 0, 0, 0, 0])),
  frame(FrameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])),
  frame(FrameType.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 1])),
  frame(FrameType.goAway, 0, 0, Buffer.alloc(8)),
  frame(0xee, 0, 0, randomBytes(10)),
  frame(FrameType.data, 0, 0, Buffer.from('x')),
  frame(FrameType.windowUpdate, 0, 0, number32(0)),
);

export const http2Client: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: opening2.map((open) => ({ open })) },
      { weight: 6, arbitrary: fc.tuple(onStream, fc.nat(3)).map(([act, which]) => ({ act, which })) },
      { weight: 4, arbitrary: pause.map((step) => ({ step })) },
      { weight: 1, arbitrary: onSession.map((step) => ({ step: step as Step })) },
      { weight: 1, arbitrary: goodbye.map((step) => ({ step })) },
    ),
    { minLength: 2, maxLength: 14 },
  )
  .map((moves) => {
    let last = -1;
    return moves.flatMap((move): Step[] => {
      if ('step' in move) return [move.step];
      if ('open' in move) return [move.open((last += 2))];
      // Mostly the newest stream; before there is one, one that was never opened.
      return [move.act(Math.max(1, last - 2 * Math.max(0, move.which - 2)))];
    });
  });

const request = ({ method, path, body = '' }: Target): string => {
  const length = body ? `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n` : '';
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${length}\r\n${body}`;
};

export const http1Client: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: target.map((what): Step => Buffer.from(request(what))) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(plan, fc.constantFrom('/push', '/push', '/push', '/nowhere'))
        .map(([at, path]): Step =>
          Buffer.from(
            [`GET ${path}?at=${at} HTTP/1.1`, 'Host: localhost', ...handshakeHeaders(), '', ''].join('\r\n'),
          ),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .nat(60)
        .chain((cut) => target.map((what): Step => Buffer.from(request(what).slice(0, cut)))),
    },
    { weight: 4, arbitrary: webSocketBytes.map((bytes): Step => bytes) },
    { weight: 4, arbitrary: pause },
    { weight: 2, arbitrary: goodbye },
  ),
  { minLength: 2, maxLength: 12 },
);
