import {
  Injectable,
  UnauthorizedException,
  type INestApplication,
  type ModuleMetadata,
} from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Authenticator,
  PushModule,
  PushWsAdapter,
  type AuthenticationResult,
  type PushModuleExtras,
  type PushOptions,
} from 'nestjs-push';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import {
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ServerHttp2Session,
} from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import type { Duplex } from 'node:stream';
import { io } from 'socket.io-client';
import { WebSocketServer } from 'ws';
import { afterTest } from './support/cleanup.js';
import { Http2Probe } from './support/http2-probe.js';
import { Http2Tunnel } from './support/http2-tunnel.js';
import {
  connectWebSocket,
  openHttp2WebSocket,
  requestWebSocket,
  speakOn,
} from './support/http2-websocket.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

const topics = [{ pattern: 'a.>', access: 'public' as const }];

function start(
  options: PushOptions & PushModuleExtras = {},
  { providers }: ModuleMetadata = {},
  configure?: (app: INestApplication) => unknown,
): Promise<RunningApp> {
  const module = { imports: [PushModule.forRoot({ topics, ...options })], providers };
  return startApp('fastify with TLS', module, configure);
}

async function openSession(app: RunningApp): Promise<ClientHttp2Session> {
  const { session } = await Http2Probe.connect(app.url(''));
  afterTest(() => session.destroy());
  return session;
}

/** The RST_STREAM code with which a stream ended; 0 if it ended as it should. */
async function ending(stream: ClientHttp2Stream): Promise<number | undefined> {
  if (!stream.closed) await once(stream, 'close');
  return stream.rstCode;
}

async function isFree(app: RunningApp): Promise<void> {
  await eventually(() => app.bus.stats().connections === 0);
}

describe('the server', () => {
  it('says that it takes extended CONNECT, in its first SETTINGS', async () => {
    const session = await openSession(await start());
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
  });

  it.each<PushOptions & PushModuleExtras>([
    { websocket: { extendedConnect: false } },
    { transports: ['sse'] },
  ])('does not say so with %j', async (options) => {
    const app = await start(options);
    expect((await openSession(app)).remoteSettings.enableConnectProtocol).toBe(false);
  });
});

describe('extended CONNECT to the path of push', () => {
  it('opens the same gateway, with nothing of HTTP/1.1 in the answer', async () => {
    const app = await start();
    const session = await openSession(app);
    const { stream, head } = await connectWebSocket(session);
    expect(Object.entries(head)).toEqual([
      [':status', 200],
      ['date', expect.any(String)],
    ]);
    const client = speakOn(stream);
    await client.next('hello');
    expect(await client.subscribe('a.*')).toMatchObject({ event: 'subscribed' });
    const id = await app.bus.publish('a.1', 'over HTTP/2');
    await client.untilData(1);
    expect(client.all('message')).toEqual([{ topic: 'a.1', id, data: 'over HTTP/2' }]);
  });

  it('goes on beside wss over HTTP/1.1, on the same port', async () => {
    const app = await start();
    const session = await openSession(app);
    const clients = [
      await openHttp2WebSocket(session),
      await openWs(app.webSocketUrl(), { rejectUnauthorized: false }),
      await openHttp2WebSocket(session),
    ];
    for (const client of clients) await client.subscribe('a.1');
    await app.bus.publish('a.1', 'all');
    for (const client of clients) expect(await client.untilData(1)).toEqual(['all']);
    expect(app.bus.stats()).toMatchObject({ connections: 3, audiences: 1 });
    expect(app.sockets.size).toBe(2);
  });

  it('agrees on compression', async () => {
    const session = await openSession(await start());
    const { head } = await connectWebSocket(session, '/push', {
      'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
    });
    expect(head).toMatchObject({
      ':status': 200,
      'sec-websocket-extensions': 'permessage-deflate; client_no_context_takeover',
    });
  });
});

describe('the close handshake', () => {
  it('of the client is answered with its own code, and ends the stream without a reset', async () => {
    const app = await start();
    const { stream } = await connectWebSocket(await openSession(app));
    const client = speakOn(stream);
    await client.next('hello');
    client.socket.close(4_321, 'bye');
    expect(await client.untilClosed()).toEqual({ code: 4_321, reason: 'bye' });
    expect(await ending(stream)).toBe(constants.NGHTTP2_NO_ERROR);
    await isFree(app);
  });

  it('of the server says why, and leaves the other streams alone', async () => {
    const app = await start({ websocket: { maxMessageBytes: 100 } });
    const session = await openSession(app);
    const [loud, quiet] = [await openHttp2WebSocket(session), await openHttp2WebSocket(session)];
    loud.send('x'.repeat(101));
    expect(await loud.untilClosed()).toMatchObject({ code: 1009 });
    expect(await quiet.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
  });

  it('of a server that shuts down is 1012, then GOAWAY ends the session', async () => {
    const app = await start();
    const session = await openSession(app);
    const client = await openHttp2WebSocket(session);
    const isGone = once(session, 'close');
    await app.nest.close();
    expect(await client.untilClosed()).toEqual({ code: 1012, reason: 'drain' });
    expect(client.all('drain')).toHaveLength(1);
    await isGone;
  });

  it('that never comes is a reset with CANCEL: the server’s of a client that does not answer', async () => {
    const app = await start({ heartbeat: 100 });
    const session = await openSession(app);
    const { stream } = await connectWebSocket(session);
    stream.resume();
    expect(await ending(stream)).toBe(constants.NGHTTP2_CANCEL);
    await isFree(app);
    expect(session.destroyed).toBe(false);
  });

  it.each([
    ['a reset', (stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ['the end of its stream', (stream: ClientHttp2Stream) => stream.end()],
    ['the end of its session', (stream: ClientHttp2Stream) => stream.session!.destroy()],
  ])('that never comes: %s by the client frees everything', async (_, leave) => {
    const app = await start();
    const client = await connectWebSocket(await openSession(app));
    await eventually(() => app.bus.stats().connections === 1);
    leave(client.stream);
    await isFree(app);
    expect((await openHttp2WebSocket(await openSession(app))).closed).toBeUndefined();
  });
});

describe('who may come in', () => {
  function decide(authenticate: () => AuthenticationResult | Promise<AuthenticationResult>): PushOptions {
    @Injectable()
    class TestAuthenticator extends Authenticator {
      authenticate(): AuthenticationResult | Promise<AuthenticationResult> {
        return authenticate();
      }
    }
    return { authenticate: TestAuthenticator };
  }

  it('is decided before the 200', async () => {
    let answer!: (identity: AuthenticationResult) => void;
    const app = await start(decide(() => new Promise((resolve) => (answer = resolve))));
    const session = await openSession(app);
    const stream = requestWebSocket(session);
    let isAnswered = false;
    stream.once('response', () => (isAnswered = true));
    await eventually(() => answer !== undefined);
    // A whole round trip later there is still no answer.
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    expect(isAnswered).toBe(false);
    answer({ id: 'ada' });
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(head[':status']).toBe(200);
  });

  it('is told why not, by an honest status', async () => {
    const app = await start(decide(() => Promise.reject(new UnauthorizedException('Who are you?'))));
    const { stream, head } = await connectWebSocket(await openSession(app));
    expect(head).toMatchObject({
      ':status': 401,
      'www-authenticate': 'Bearer',
      'content-type': 'application/json',
    });
    expect(head['connection']).toBeUndefined();
    expect(JSON.parse(await text(stream))).toMatchObject({ statusCode: 401, code: 'UNAUTHENTICATED' });
    // The client has not ended its side: NO_ERROR tells it that it need not (RFC 9113, 8.1).
    expect(await ending(stream)).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('are the pages of the same host, which :authority names', async () => {
    const app = await start();
    const session = await openSession(app);
    const ofPage = async (origin: string) =>
      (await connectWebSocket(session, '/push', { origin })).head[':status'];
    expect(await ofPage(app.url(''))).toBe(200);
    expect(await ofPage('https://evil.example')).toBe(403);
  });

  it('is nobody any more once the server shuts down', async () => {
    const app = await start(decide(() => undefined));
    const { head } = await connectWebSocket(await openSession(app));
    expect(head[':status']).toBe(401);
    const session = await openSession(app);
    const closing = app.nest.close();
    // The session may be gone before it is asked.
    const answered = connectWebSocket(session).then(
      ({ head }) => head[':status'],
      () => undefined,
    );
    expect([503, undefined]).toContain(await answered);
    await closing;
  });

  it('and 100 clients that leave while they are looked at cost nothing', async () => {
    const waiting: ((identity: AuthenticationResult) => void)[] = [];
    const app = await start({
      ...decide(() => new Promise((resolve) => waiting.push(resolve))),
      limits: { connectionsPerAddress: 100 },
    });
    const session = await openSession(app);
    const streams = Array.from({ length: 100 }, () => requestWebSocket(session));
    await eventually(() => waiting.length === 100);
    streams.forEach((stream) => stream.close(constants.NGHTTP2_CANCEL));
    await Promise.all(streams.map(ending));
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    waiting.splice(0).forEach((answer) => answer({ id: 'ada' }));
    // There is room for 100 again, and nobody is left.
    await isFree(app);
    const next = Array.from({ length: 100 }, () => connectWebSocket(session));
    await eventually(() => waiting.length === 100);
    waiting.splice(0).forEach((answer) => answer({ id: 'ada' }));
    expect((await Promise.all(next)).every(({ head }) => head[':status'] === 200)).toBe(true);
  });
});

describe('other requests', () => {
  it.each([
    ['a path that nobody has', { ':path': '/nobody' }, 404],
    ['the root', { ':path': '/' }, 404],
    ['another protocol', { ':protocol': 'connect-udp' }, 501],
    ['an old version of WebSocket', { 'sec-websocket-version': '7' }, 400],
  ])('for %s are answered %j with %i', async (_, headers, status) => {
    const app = await start();
    const session = await openSession(app);
    const { stream, head } = await connectWebSocket(session, '/push', headers);
    stream.resume();
    expect(head[':status']).toBe(status);
    await ending(stream);
    expect(session.destroyed).toBe(false);
  });

  it('plain CONNECT is none of ours, over HTTP/2 and HTTP/1.1', async () => {
    const app = await start();
    const stream = (await openSession(app)).request({
      ':method': 'CONNECT',
      ':authority': 'example.com:443',
    });
    stream.on('error', () => undefined);
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(head[':status']).toBe(405);
    const socket = connectTls({ port: app.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n');
    expect(await text(socket)).toBe('');
  });

  it('GET of the push path is what it was', async () => {
    const probe = await Http2Probe.connect((await start()).url(''));
    afterTest(() => probe.close());
    expect((await probe.get('/push')).headers[':status']).toBe(404);
  });
});

describe('back-pressure', () => {
  const large = 'x'.repeat(64 * 1024);

  it('holds a stream that is not read, and no other of its session; nothing is lost', async () => {
    const app = await start();
    const session = await openSession(app);
    const [slow, fast] = [await openHttp2WebSocket(session), await openHttp2WebSocket(session)];
    for (const client of [slow, fast]) await client.subscribe('a.1');
    slow.socket.pause();
    const count = 100;
    for (let n = 0; n < count; n++) {
      await app.bus.publish('a.1', `${n} ${large}`);
      await fast.untilData(n + 1);
    }
    expect(app.bus.stats()).toMatchObject({ lagging: 1, gaps: 0 });
    expect(slow.data.length).toBeLessThan(count);
    slow.socket.resume();
    await slow.untilData(count);
    const numbers = slow.data.map((data) => Number.parseInt(data as string, 10));
    expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(app.bus.stats()).toMatchObject({ lagging: 0, gaps: 0 });
  });

  it('a client that does not read its answers is not read itself, until it does', async () => {
    const app = await start({ limits: { messages: { perSecond: 1e9, burst: 1e9 } } });
    const session = await openSession(app);
    const [deaf, other] = [await openHttp2WebSocket(session), await openHttp2WebSocket(session)];
    const roundTrip = () => new Promise<void>((resolve) => session.ping(() => resolve()));
    deaf.socket.pause();
    const count = 5_000;
    for (let n = 0; n < count; n++)
      deaf.send({ event: 'nonsense', data: { ref: 'r'.repeat(64) }, padding: 'x'.repeat(200) });
    let [before, still] = [Infinity, 0];
    while (still < 20) {
      await roundTrip();
      still = deaf.socket.bufferedAmount === before ? still + 1 : 0;
      before = deaf.socket.bufferedAmount;
    }
    expect(before).toBeGreaterThan(100_000);
    expect(await other.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
    deaf.socket.resume();
    await deaf.until(() => deaf.all('error').length === count);
  });
});

describe('who else takes upgrades', () => {
  @WebSocketGateway({ path: '/chat' })
  class ChatGateway {
    @SubscribeMessage('say')
    say(@MessageBody() said: string) {
      return { event: 'said', data: { said } };
    }
  }

  @WebSocketGateway()
  class ShoutGateway {
    @SubscribeMessage('shout')
    shout(@MessageBody() said: string): string {
      return said.toUpperCase();
    }
  }

  it('an application’s own gateways are reached as well', async () => {
    const app = await start({}, { providers: [ChatGateway] });
    const client = speakOn((await connectWebSocket(await openSession(app), '/chat?room=1')).stream);
    client.send({ event: 'say', data: 'hi' });
    expect(await client.next('said')).toEqual({ said: 'hi' });
  });

  it('and listeners that know nothing of HTTP/2, with the subprotocol that they choose', async () => {
    const echo = new WebSocketServer({ noServer: true });
    echo.on('connection', (client) => client.on('message', (data) => client.send(data.toString())));
    const app = await start({}, {}, (nest) =>
      nest.getHttpServer().on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url === '/echo')
          echo.handleUpgrade(request, socket, head, (client) => echo.emit('connection', client, request));
      }),
    );
    const { stream, head } = await connectWebSocket(await openSession(app), '/echo', {
      'sec-websocket-protocol': 'graphql-ws, other',
    });
    expect(head).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'graphql-ws' });
    const client = speakOn(stream);
    client.send({ event: 'echo', data: {} });
    expect(await client.next('echo')).toEqual({});
  });

  it.each<[string, (socket: Duplex) => unknown, number | undefined, number]>([
    ['no HTTP', (socket) => socket.write('hello\r\n\r\n'), 502, constants.NGHTTP2_NO_ERROR],
    ['no head', (socket) => socket.write('x'.repeat(20_000)), 502, constants.NGHTTP2_NO_ERROR],
    [
      'a head that HTTP/2 does not take',
      (socket) => socket.write('HTTP/1.1 200 OK\r\na b: c\r\n\r\n'),
      502,
      0,
    ],
    ['nothing', (socket) => socket.end(), undefined, constants.NGHTTP2_CANCEL],
    [
      'a head in pieces',
      (socket) =>
        ['HTTP/1.1 403 No\r', '\nX: y\r\n\r', '\nno'].map((piece) => socket.write(piece)) && socket.end(),
      403,
      0,
    ],
  ])('a listener that answers %s ends nothing but its stream', async (_, answer, status, code) => {
    const app = await start({}, {}, (nest) =>
      nest.getHttpServer().on('upgrade', ({ url }: IncomingMessage, socket: Duplex) => {
        if (url === '/odd') answer(socket);
      }),
    );
    const session = await openSession(app);
    const stream = requestWebSocket(session, '/odd');
    let head: Record<string, unknown> = {};
    stream.once('response', (headers) => (head = headers)).resume();
    stream.once('end', () => stream.end());
    expect(await ending(stream)).toBe(code);
    expect(head[':status']).toBe(status);
    expect((await openHttp2WebSocket(session)).closed).toBeUndefined();
  });

  it('and socket.io', async () => {
    const app = await start({}, { providers: [ShoutGateway] }, (nest) =>
      nest.useWebSocketAdapter(new PushWsAdapter(nest, { fallback: new IoAdapter(nest) })),
    );
    const tunnel = await Http2Tunnel.start(app.url(''));
    afterTest(() => tunnel.close());
    const client = io(`http://127.0.0.1:${tunnel.port}/`, { transports: ['websocket'], reconnection: false });
    afterTest(() => client.disconnect());
    expect(await client.emitWithAck('shout', 'hello')).toBe('HELLO');
    const push = await openHttp2WebSocket(await openSession(app));
    expect(await push.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
  });
});

describe('one session', () => {
  it('carries 200 WebSockets that come, listen and go, and its own timeouts stay as they are', async () => {
    const app = await start({ limits: { connectionsPerAddress: 1_000 } });
    const appeared = once(app.server, 'session') as Promise<[ServerHttp2Session]>;
    const session = await openSession(app);
    const [ofServer] = await appeared;
    const timeouts: number[] = [];
    const setTimeout = ofServer.setTimeout.bind(ofServer);
    ofServer.setTimeout = (milliseconds, callback) => {
      timeouts.push(milliseconds);
      setTimeout(milliseconds, callback);
    };
    const clients = await Promise.all(Array.from({ length: 200 }, () => openHttp2WebSocket(session)));
    await Promise.all(clients.map((client) => client.subscribe('a.1')));
    for (let n = 0; n < 20; n++) await app.bus.publish('a.1', n);
    for (const client of clients) expect(await client.untilData(20)).toHaveLength(20);
    clients.forEach((client, n) => (n % 2 ? client.socket.close() : client.socket.terminate()));
    await isFree(app);
    expect(timeouts).toEqual([]);
    expect(app.sockets.size).toBe(1);
    expect((await openHttp2WebSocket(session)).closed).toBeUndefined();
  });
});
