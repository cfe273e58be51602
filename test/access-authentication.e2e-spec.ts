import { ForbiddenException, Injectable, Module, UnauthorizedException } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import {
  anonymous,
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
import { afterTest } from './support/cleanup.js';
import { authenticator } from './support/deciding-authenticator.js';
import { JwtAuthenticator, secret, topics } from './support/jwt-authenticator.js';
import { takeWarnings } from './support/logged.js';
import { openSse } from './support/sse-reader.js';
import { createApp, platforms, startApp } from './support/start-app.js';
import { refusal } from './support/upgrades.js';
import { connectWs, openWs } from './support/ws-client.js';
import { clientFrame, openHandshake } from './support/ws-frames.js';

function appWith(options: PushOptions & PushModuleExtras, platform: (typeof platforms)[number] = 'express') {
  return startApp(platform, { imports: [PushModule.forRoot({ topics, ...options })] });
}

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
    const raw = await openHandshake(app.port);
    // An early bird: a frame before the 101.
    raw.send(
      clientFrame(JSON.stringify({ event: 'subscribe', data: { topics: ['members.news'], ref: 'early' } })),
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
      const raw = await openHandshake(app.port);
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
    const warnings = takeWarnings();
    await appWith({});
    expect(warnings.join()).toMatch(/nobody authenticates them.*authenticate: YourAuthenticator/);
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
