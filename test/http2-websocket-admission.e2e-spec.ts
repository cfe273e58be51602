import { UnauthorizedException } from '@nestjs/common';
import type { AuthenticationResult, PushOptions } from 'nestjs-push';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import { afterTest } from './support/cleanup.js';
import { authenticator } from './support/deciding-authenticator.js';
import { ending, isFree, openSession, start } from './support/http2-app.js';
import { Http2Probe } from './support/http2-probe.js';
import { connectWebSocket, requestWebSocket } from './support/http2-websocket.js';
import { eventually } from './support/watched.js';

describe('who may come in', () => {
  function decide(authenticate: () => AuthenticationResult | Promise<AuthenticationResult>): PushOptions {
    return { authenticate: authenticator(authenticate) };
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
