import { ForbiddenException, Injectable, Logger, Module, UnauthorizedException } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import {
  anonymous,
  Authenticator,
  OnPushConnect,
  OnPushDisconnect,
  PushModule,
  type ConnectionContext,
  type Handshake,
  type AuthenticationResult,
  type PushModuleExtras,
  type PushOptions,
} from 'nestjs-push';
import { connect } from 'node:net';
import WebSocket from 'ws';
import { afterTest } from './support/cleanup.js';
import { JwtAuthenticator } from './support/jwt-authenticator.js';
import { openRaw } from './support/raw-socket.js';
import { openSse, openStream } from './support/sse-reader.js';
import { createApp, platforms, startApp, type RunningApp } from './support/start-app.js';
import { connectWs, openWs } from './support/ws-client.js';

const secret = 'a secret of these tests only, 32 bytes or more';
const topics = [
  { pattern: 'public.>', access: 'public' },
  { pattern: 'members.>', access: 'authenticated' },
] as const;

/** What the upgrade was answered, for a client that is not let in. */
function refusal(url: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Record<string, unknown> }>(
    (resolve, reject) => {
      const client = new WebSocket(url, { headers });
      client.on('open', () => reject(new Error('It was let in.')));
      client.on('error', reject);
      client.on('unexpected-response', (_, response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: text ? JSON.parse(text) : {},
          }),
        );
      });
    },
  );
}

/** An authenticator that does what the test says, in the place of a token. */
function authenticator(
  decide: (handshake: Handshake) => AuthenticationResult | Promise<AuthenticationResult>,
) {
  @Injectable()
  class TestAuthenticator extends Authenticator {
    authenticate(handshake: Handshake) {
      return decide(handshake);
    }
  }
  return TestAuthenticator;
}

function appWith(options: PushOptions & PushModuleExtras, platform: (typeof platforms)[number] = 'express') {
  return startApp(platform, { imports: [PushModule.forRoot({ topics, ...options })] });
}

describe.each(platforms)('tokens of @nestjs/jwt on %s', (platform) => {
  let app: RunningApp;
  let jwt: JwtService;
  const sign = (claims: object, options = {}) => jwt.sign(claims, { secret, expiresIn: 60, ...options });
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

  beforeEach(async () => {
    // The application's module imports both: nothing else has to be declared for the authenticator to get its JwtService.
    app = await startApp(platform, {
      imports: [
        JwtModule.register({ secret }),
        PushModule.forRoot({ topics, authenticate: JwtAuthenticator }),
      ],
    });
    jwt = app.nest.get(JwtService, { strict: false });
  });

  it('open a WebSocket, and give the principal its topics and an end', async () => {
    const client = await openWs(app.webSocketUrl(), { headers: bearer(sign({ sub: 'ann' })) });
    const [hello] = client.all('hello');
    expect(Number(hello!.expiresAt)).toBeGreaterThan(Date.now() + 50_000);
    expect(await client.subscribe('members.news')).toMatchObject({ event: 'subscribed' });
    await app.bus.publish('members.news', 1);
    expect(await client.untilData(1)).toEqual([1]);
  });

  it('open the SSE endpoint', async () => {
    const reader = await openStream(app.url('/push/events?topic=members.news'), {
      headers: { Cookie: `a=b; session=${sign({ sub: 'ann' })}; c` },
    });
    await app.bus.publish('members.news', { n: 1 });
    await reader.untilEvents(1);
    expect(reader.data).toEqual(['{"topic":"members.news","data":{"n":1}}']);
  });

  it.each([
    ['none', () => undefined, 'Who you are could not be established. Bring a token.'],
    ['no token at all', () => 'nonsense', 'The token is not valid.'],
    ['one of another key', () => jwt.sign({ sub: 'ann' }, { secret: 'forged' }), 'The token is not valid.'],
    ['an expired one', () => sign({ sub: 'ann' }, { expiresIn: -1 }), 'The token is not valid.'],
    ['an unsigned one', () => `${part({ alg: 'none' })}.${part({ sub: 'ann' })}.`, 'The token is not valid.'],
    ['one whose time has not come', () => sign({ sub: 'ann' }, { notBefore: 60 }), 'The token is not valid.'],
    ['one whose claims were changed', () => forge(sign({ sub: 'ann' })), 'The token is not valid.'],
  ])('refuse with an honest 401: %s', async (_, token, message) => {
    const jwt = token();
    const headers = jwt ? bearer(jwt) : {};
    const websocket = await refusal(app.webSocketUrl(), headers);
    const body = { statusCode: 401, code: 'UNAUTHENTICATED', message };
    expect(websocket).toMatchObject({ status: 401, body, headers: { 'www-authenticate': 'Bearer' } });
    const sse = await openSse(app.url('/push/events?topic=members.news'), { headers });
    expect(sse.status).toBe(401);
    expect(sse.response.headers['www-authenticate']).toBe('Bearer');
    expect(JSON.parse(await sse.untilEnd())).toEqual(body);
  });

  it('refuse a principal without the right: 403 before the stream', async () => {
    const reader = await openSse(app.url('/push/events?topic=nobody.opened'), {
      headers: bearer(sign({ sub: 'ann' })),
    });
    expect(reader.status).toBe(403);
    expect(JSON.parse(await reader.untilEnd())).toMatchObject({ code: 'FORBIDDEN' });
  });
});

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function forge(token: string): string {
  const [head, , signature] = token.split('.');
  return [head, part({ sub: 'admin', exp: Date.now() }), signature].join('.');
}

describe('keys and clocks', () => {
  it('keys rotate: tokens of the old key are good until it is withdrawn', async () => {
    const keys = new Map([['2025', 'the old secret, long enough for HS256']]);
    const app = await startApp('express', {
      imports: [
        JwtModule.register({
          secretOrKeyProvider: (_type, token) => {
            const { kid } = JSON.parse(Buffer.from(String(token).split('.')[0]!, 'base64url').toString()) as {
              kid: string;
            };
            return keys.get(kid)!;
          },
        }),
        PushModule.forRoot({ topics, authenticate: JwtAuthenticator }),
      ],
    });
    const signed = (keyid: string) =>
      new JwtService({}).sign({ sub: 'ann' }, { secret: keys.get(keyid), keyid, expiresIn: 60 });
    const old = signed('2025');
    keys.set('2026', 'the new secret, long enough for HS256');
    for (const token of [old, signed('2026')]) {
      const client = await openWs(app.webSocketUrl(), { headers: { Authorization: `Bearer ${token}` } });
      expect(client.all('hello')).toHaveLength(1);
    }
    keys.delete('2025');
    expect(await refusal(app.webSocketUrl(), { Authorization: `Bearer ${old}` })).toMatchObject({
      status: 401,
    });
  });

  it('a clock that is off by less than the tolerance lets a token in; the connection still ends at its time', async () => {
    const app = await startApp('express', {
      imports: [
        JwtModule.register({ secret, verifyOptions: { clockTolerance: 30 } }),
        PushModule.forRoot({ topics, authenticate: JwtAuthenticator }),
      ],
    });
    const jwt = new JwtService({ secret });
    const early = jwt.sign({ sub: 'ann' }, { notBefore: 20, expiresIn: 60 });
    const client = await openWs(app.webSocketUrl(), { headers: { Authorization: `Bearer ${early}` } });
    expect(client.all('hello')).toHaveLength(1);
    // The tolerance is for the start of a token. An expiry that has passed is not made to live on.
    const late = jwt.sign({ sub: 'ann' }, { expiresIn: -10 });
    expect(await refusal(app.webSocketUrl(), { Authorization: `Bearer ${late}` })).toMatchObject({
      status: 401,
      body: { message: 'The authentication has expired. Come back with a new token.' },
    });
  });
});

describe('an authenticator', () => {
  it('sees the request: headers, cookies, query and address, and never the ticket', async () => {
    const seen: Handshake[] = [];
    const authenticate = authenticator((handshake) => {
      seen.push(handshake);
      return { id: 'ann' };
    });
    const app = await appWith({ authenticate });
    await openWs(app.webSocketUrl('/push?tenant=7'), {
      headers: { Cookie: 'a=%20x; b="y"; a=z', 'X-Own': '1' },
    });
    const [{ transport, headers, cookies, query, address, token }] = seen as [Handshake];
    expect({ transport, address, token, own: headers['x-own'] }).toEqual({
      transport: 'websocket',
      address: '127.0.0.1',
      token: undefined,
      own: '1',
    });
    expect({ ...cookies }).toEqual({ a: ' x', b: 'y' });
    expect(query.get('tenant')).toBe('7');
  });

  it.each([
    ['UnauthorizedException', new UnauthorizedException('Come in by the door.'), 401, 'Come in by the door.'],
    ['ForbiddenException', new ForbiddenException('Not on Sundays.'), 403, 'Not on Sundays.'],
    ['anything else', new TypeError('db-password=hunter2'), 500, 'The server failed.'],
  ])('that throws %s refuses, and leaks nothing', async (_, thrown, status, message) => {
    const reported: unknown[] = [];
    const authenticate = authenticator(() => {
      throw thrown;
    });
    const app = await appWith({ authenticate, onError: (error) => reported.push(error) });
    expect(await refusal(app.webSocketUrl())).toMatchObject({ status, body: { message } });
    const reader = await openSse(app.url('/push/events?topic=public.news'));
    expect(reader.status).toBe(status);
    expect(await reader.untilEnd()).not.toContain('hunter2');
    expect(reported).toEqual(status === 500 ? [thrown, thrown] : []);
  });

  it.each([
    ['no id', { sub: 'ann' }],
    ['an id that is no string', { id: 7 }],
    ['an expiry in seconds', { id: 'ann', expiresAt: 1_900_000_000 }],
    ['an expiry that is none', { id: 'ann', expiresAt: new Date('nonsense') }],
  ])('that returns a principal with %s lets nobody in, and the log says why', async (_, principal) => {
    const reported: Error[] = [];
    const authenticate = authenticator(() => principal as never);
    const app = await appWith({ authenticate, onError: (error) => reported.push(error as Error) });
    expect(await refusal(app.webSocketUrl())).toMatchObject({
      status: 500,
      body: { message: 'The server failed.' },
    });
    expect(reported[0]!.message).toMatch(/principal/);
  });

  it('may let somebody in who is nobody: public topics only', async () => {
    const app = await appWith({ authenticate: authenticator(() => anonymous) });
    const client = await openWs(app.webSocketUrl());
    expect(await client.subscribe('public.news')).toMatchObject({ event: 'subscribed' });
    expect(await client.subscribe('members.news')).toMatchObject({ event: 'error', code: 'FORBIDDEN' });
  });

  it('that never answers is given up after the deadline, and told', async () => {
    let signal: AbortSignal | undefined;
    const authenticate = authenticator((handshake) => {
      signal = handshake.signal;
      return new Promise(() => undefined);
    });
    const app = await appWith({ authenticate, limits: { decisionTimeout: 50 } });
    const { status, headers, body } = await refusal(app.webSocketUrl());
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'UNAVAILABLE' });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(signal!.aborted).toBe(true);
  });

  it('is not asked for more clients at once than pendingHandshakes', async () => {
    const release: (() => void)[] = [];
    const authenticate = authenticator(
      () => new Promise((resolve) => release.push(() => resolve({ id: 'ann' }))),
    );
    const app = await appWith({ authenticate, limits: { pendingHandshakes: 2 } });
    const waiting = [connectWs(app.webSocketUrl()), connectWs(app.webSocketUrl())];
    const asked = () => release.length === 2;
    while (!asked()) await new Promise((resolve) => setImmediate(resolve));
    expect(await refusal(app.webSocketUrl())).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    release.forEach((resolve) => resolve());
    await Promise.all(waiting.map((client) => client.next('hello')));
    expect(release).toHaveLength(2);
  });

  it('has the last word before anything that the client has sent is read', async () => {
    let resolve!: (identity: AuthenticationResult) => void;
    const authenticate = authenticator(() => new Promise((done) => (resolve = done)));
    const connected: ConnectionContext[] = [];
    const disconnected: ConnectionContext[] = [];
    @Injectable()
    class Hooks {
      @OnPushConnect()
      connect(context: ConnectionContext) {
        connected.push(context);
      }

      @OnPushDisconnect()
      disconnect(context: ConnectionContext) {
        disconnected.push(context);
      }
    }
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics, authenticate })],
      providers: [Hooks],
    });
    const upgrade = [
      'GET /push HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    const raw = await openRaw(app.port, ...upgrade);
    // An early bird: a frame before the 101.
    raw.send(
      maskedText(JSON.stringify({ event: 'subscribe', data: { topics: ['members.news'], ref: 'early' } })),
    );
    while (!resolve) await new Promise((done) => setImmediate(done));
    expect(raw.text).toBe('');
    expect(connected).toHaveLength(0);
    resolve({ id: 'ann' });
    await raw.untilText('"subscribed"');
    expect(raw.text.indexOf('"hello"')).toBeLessThan(raw.text.indexOf('"subscribed"'));
    expect(connected).toMatchObject([{ transport: 'websocket', principal: { id: 'ann' } }]);
    raw.reset();
    while (disconnected.length === 0) await new Promise((done) => setImmediate(done));
    expect(disconnected).toMatchObject([{ principal: { id: 'ann' } }]);
  });

  it('survives clients that reset the connection while it decides', async () => {
    const waiting: (() => void)[] = [];
    const authenticate = authenticator(
      () => new Promise((resolve) => waiting.push(() => resolve({ id: 'ann' }))),
    );
    const app = await appWith({ authenticate, limits: { connectionsPerPrincipal: 1 } });
    for (let i = 0; i < 20; i++) {
      const raw = await openRaw(
        app.port,
        'GET /push HTTP/1.1',
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      );
      while (waiting.length === 0) await new Promise((done) => setImmediate(done));
      raw.reset();
      await new Promise<void>((done) => {
        const look = () => (app.sockets.size === 0 ? done() : setImmediate(look));
        look();
      });
      waiting.pop()!();
    }
    // None of them has kept its place.
    const client = connectWs(app.webSocketUrl());
    while (waiting.length === 0) await new Promise((done) => setImmediate(done));
    waiting.pop()!();
    expect(await client.next('hello')).toBeDefined();
    expect(app.bus.stats().connections).toBe(1);
  });

  it('gets what it injects from whichever module has it', async () => {
    @Module({ imports: [JwtModule.register({ secret })] })
    class Elsewhere {}
    const app = await startApp('express', {
      imports: [Elsewhere, PushModule.forRoot({ authenticate: JwtAuthenticator })],
    });
    expect(await refusal(app.webSocketUrl())).toMatchObject({ status: 401 });
  });

  it('that cannot be made stops the application at start, and says what to do', async () => {
    const app = await createApp('express', {
      imports: [PushModule.forRoot({ authenticate: JwtAuthenticator })],
    });
    afterTest(() => app.close());
    await expect(app.init()).rejects.toThrow(/JwtAuthenticator cannot be made.*List it among the providers/);
  });

  it('may be a provider of the module that has what it needs', async () => {
    @Module({ imports: [JwtModule.register({ secret })], providers: [JwtAuthenticator] })
    class Elsewhere {}
    const app = await startApp('express', {
      imports: [
        Elsewhere,
        PushModule.forRootAsync({ useFactory: () => ({ authenticate: JwtAuthenticator }) }),
      ],
    });
    expect(await refusal(app.webSocketUrl())).toMatchObject({ status: 401 });
  });

  it('is missed at start when topics need it', async () => {
    const warnings: string[] = [];
    const warn = Logger.prototype.warn;
    Logger.prototype.warn = (message: string) => warnings.push(message);
    afterTest(() => (Logger.prototype.warn = warn));
    await appWith({});
    expect(warnings.join()).toMatch(/nobody authenticates them.*authenticate: YourAuthenticator/);
  });
});

/** A masked text frame of less than 126 bytes (RFC 6455, section 5.2); the mask is zero. */
function maskedText(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

describe('authentication by the first message', () => {
  const options = { authenticate: JwtAuthenticator, websocket: { firstMessage: true } };
  const start = (more: PushOptions = {}) =>
    startApp('fastify', {
      imports: [
        JwtModule.register({ secret, signOptions: { expiresIn: 60 } }),
        PushModule.forRoot({ topics, ...options, ...more }),
      ],
    });
  const jwt = new JwtService({ secret, signOptions: { expiresIn: 60 } });

  it('says nothing until the token has come, then greets', async () => {
    const app = await start();
    const client = connectWs(app.webSocketUrl());
    await new Promise((resolve) => client.socket.once('open', resolve));
    expect(await client.ask('subscribe', { topics: ['public.news'] })).toMatchObject({
      event: 'error',
      code: 'UNAUTHENTICATED',
    });
    expect(await client.ask('publish', { topic: 'public.news', data: 1 })).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(await client.ask('authenticate', { token: jwt.sign({ sub: 'ann' }) })).toMatchObject({
      event: 'hello',
      expiresAt: expect.any(Number) as number,
    });
    expect(await client.subscribe('members.news')).toMatchObject({ event: 'subscribed' });
    expect(await client.ask('authenticate', { token: jwt.sign({ sub: 'bob' }) })).toMatchObject({
      event: 'error',
      code: 'INVALID_MESSAGE',
    });
  });

  it('ends with 4401 when the token is not good', async () => {
    const app = await start();
    const client = connectWs(app.webSocketUrl());
    await new Promise((resolve) => client.socket.once('open', resolve));
    client.send({ event: 'authenticate', data: { token: 'nonsense' } });
    expect((await client.untilClosed()).code).toBe(4401);
    expect(client.all('error')).toMatchObject([
      { code: 'UNAUTHENTICATED', message: 'The token is not valid.' },
    ]);
  });

  it('ends with 4401 when it does not come in time', async () => {
    const app = await start({ limits: { firstMessageTimeout: 50 } });
    const client = connectWs(app.webSocketUrl());
    expect((await client.untilClosed()).code).toBe(4401);
  });

  it('is not needed by who authenticates at the handshake, and no way around for who fails there', async () => {
    const app = await start();
    const client = await openWs(app.webSocketUrl(), {
      headers: { Authorization: `Bearer ${jwt.sign({ sub: 'ann' })}` },
    });
    expect(client.all('hello')).toHaveLength(1);
    expect(await refusal(app.webSocketUrl(), { Authorization: 'Bearer forged' })).toMatchObject({
      status: 401,
    });
  });

  it('is no way in where it is not allowed', async () => {
    const app = await start({ websocket: {} });
    expect(await refusal(app.webSocketUrl())).toMatchObject({ status: 401 });
  });
});

describe('upgrades that belong to nobody', () => {
  it('are answered with 404, also when the client resets at once', async () => {
    const app = await appWith({});
    expect(await refusal(app.webSocketUrl('/elsewhere'))).toMatchObject({ status: 404 });
    for (let i = 0; i < 10; i++) {
      const socket = connect(app.port, '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      socket.resetAndDestroy();
    }
    expect(await refusal(app.webSocketUrl('/elsewhere'))).toMatchObject({ status: 404 });
  });
});
