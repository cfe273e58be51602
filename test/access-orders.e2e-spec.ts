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
  preface,
  resetFrame,
} from './support/http2-frames.js';
import { nestMajor } from './support/nest.js';
import { launch, type Child } from './support/processes.js';
import { clientFrame, handshakeHeaders } from './support/ws-frames.js';

/*
 * Clients that do not wait: they ask for something that takes the application a while to decide, and meanwhile go on, reset, hang
 * up or send junk, in any order. The application lives, and holds nothing for them afterwards. To repeat a run:
 * ORDERS_SEED=… npm run test:e2e -- access-orders
 */

const seed = Number(process.env.ORDERS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const clients = Number(process.env.ORDERS_CLIENTS ?? 400);
const atOnce = 20;

/** Nest 11 sends `Connection: keep-alive` on HTTP/2 too, of which Node warns once, and drops it; Nest 12 does not. */
const nest11OnHttp2 = nestMajor < 12 ? /^.*UnsupportedWarning: The provided connection header.*$/m : '';

let server: Child;

async function startServer(platform: string): Promise<number> {
  const options = JSON.stringify({ platform });
  server = launch(process.execPath, ['test/support/undecided-server.mjs', options], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  await server.untilOutput('port ');
  return Number(/port (\d+)/.exec(server.output)![1]);
}

/** What the server holds for clients. Fails if it has died. */
async function holdings(): Promise<Record<string, number>> {
  const answers = () => [...server.output.matchAll(/^answer (.*)$/gm)];
  const count = answers().length;
  server.process.stdin!.write('?\n');
  await server.until(() => {
    if (server.exit) throw new Error(`The server has died:\n${server.output.replaceAll(/^answer.*$/gm, '')}`);
    return answers().length > count;
  });
  return JSON.parse(answers()[count]![1]!) as Record<string, number>;
}

/** Resolves once it holds nothing; rejects with what it still holds after half a minute. */
async function untilEmpty(): Promise<void> {
  const end = performance.now() + 30_000;
  for (let held = await holdings(); Object.values(held).some((count) => count > 0); held = await holdings()) {
    if (performance.now() > end)
      throw new Error(`Its clients are gone, and it holds ${JSON.stringify(held)}.`);
    await sleep(20);
  }
}

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
type Step = Buffer | number | 'end' | 'destroy' | 'reset';

const pause: fc.Arbitrary<Step> = fc.constantFrom(0, 0, 1, 5, 15, 40);
const goodbye = fc.constantFrom<Step>('end', 'destroy', 'reset');

/** Sends what lies between two pauses in one write. */
async function play(port: number, opening: Buffer, steps: readonly Step[]): Promise<void> {
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

const fields = ({ method, path, body }: Target) => ({
  ':method': method,
  ':scheme': 'http',
  ':authority': 'localhost',
  ':path': path,
  ...(body && { 'content-type': 'application/json', 'content-length': String(body.length) }),
});

const upgrade2 = (path: string) => ({
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

const http2Client: fc.Arbitrary<Step[]> = fc
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

const http1Client: fc.Arbitrary<Step[]> = fc.array(
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

/** A WebSocket over HTTP/2 whose client says that it is done, and resets the stream while it is decided about. */
const resetUpgrade = (outcome: string, code: number): Step[] => [
  frame(FrameType.headers, endHeaders, 1, headerBlock(upgrade2(`/push?at=authenticator:60:${outcome}`))),
  frame(FrameType.data, endStream, 1, Buffer.from('x')),
  30,
  resetFrame(1, code),
  60,
];

beforeAll(() => {
  process.stdout.write(`access-orders: ORDERS_SEED=${seed}\n`);
});

afterEach(() => server.kill());

it('a WebSocket over HTTP/2 that is reset while it is decided about harms nobody', async () => {
  const port = await startServer('h2');
  const scripts = ['ok', 'no', 'bug', 'hang'].flatMap((outcome) =>
    [0, 8].map((code) => resetUpgrade(outcome, code)),
  );
  await Promise.all(scripts.map((steps) => play(port, preface, steps)));
  await untilEmpty();
});

it.each<[string, Buffer[]]>([
  ['', []],
  [' after GOAWAY', [frame(FrameType.goAway, 0, 0, Buffer.alloc(8))]],
])(
  'a session that breaks the protocol%s, and of which Node reads nothing more, is found',
  async (_, before) => {
    const port = await startServer('h2');
    const open = frame(
      FrameType.headers,
      endHeaders | endStream,
      1,
      headerBlock(fields({ method: 'GET', path: '/own' })),
    );
    const onIdleStream = frame(FrameType.data, 0, 99, Buffer.from('x'));
    await play(port, preface, [open, 50, ...before, 5, onIdleStream, 50, 'destroy']);
    await untilEmpty();
  },
);

it.each<[string, string, fc.Arbitrary<Step[]>, Buffer]>([
  ['HTTP/2', 'h2', http2Client, preface],
  ['HTTP/1.1 on express', 'express', http1Client, Buffer.alloc(0)],
  ['HTTP/1.1 on fastify', 'fastify', http1Client, Buffer.alloc(0)],
])(
  'whatever clients of %s do while it is decided about them, the application lives and keeps nothing',
  async (_, platform, client, opening) => {
    const port = await startServer(platform);
    const scripts = fc.sample(client, { numRuns: clients, seed });
    const come = async () => {
      for (let steps = scripts.pop(); steps && !server.exit; steps = scripts.pop())
        await play(port, opening, steps);
    };
    await Promise.all(Array.from({ length: atOnce }, come));
    await untilEmpty();
    expect(server.output.replace(nest11OnHttp2, '')).not.toMatch(/Warning|Error/);
  },
);
