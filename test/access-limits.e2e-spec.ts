import {
  Catch,
  Injectable,
  Logger,
  type ArgumentMetadata,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { HttpOnly, PushModule, PushTopic, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EMPTY, map } from 'rxjs';
import WebSocket from 'ws';
import { afterTest } from './support/cleanup.js';
import { NewsProcess } from './support/news-process.js';
import { connectRaw, openRaw } from './support/raw-socket.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { runsGlobalsForMessages } from './support/nest.js';
import { openSse, openStream } from './support/sse-reader.js';
import { createApp, platforms, startApp, type Platform } from './support/start-app.js';
import { connectWs, openWs } from './support/ws-client.js';
import { eventually } from './support/watched.js';
import { clientFrame, handshakeHeaders } from './support/ws-frames.js';

@PushTopic('rooms.:id')
class RoomsPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

function start(options: PushOptions = {}, platform: Platform = 'express', cors?: object) {
  return startApp(
    platform,
    {
      imports: [
        PushModule.forRoot({
          authenticate: NameAuthenticator,
          topics: [{ pattern: 'public.>', access: 'public' }],
          ...options,
        }),
      ],
      providers: [Users, RoomsPolicy],
    },
    (app) => cors && app.enableCors(cors),
  );
}

/** The status of an upgrade: 101, or why not. */
function statusOf(url: string, headers: Record<string, string> = as('ann').headers): Promise<number> {
  return new Promise((resolve, reject) => {
    const client = new WebSocket(url, { headers });
    afterTest(() => client.terminate());
    client.on('open', () => resolve(101));
    client.on('unexpected-response', (_, response) => resolve(response.statusCode!));
    client.on('error', reject);
  });
}

const stream = '/push/events?topic=public.x';

describe('room', () => {
  it('is bounded in all: 503, and free again when somebody leaves', async () => {
    const app = await start({ limits: { connections: 2 } });
    const first = await openWs(app.webSocketUrl(), as('ann'));
    const second = await openStream(app.url(stream), as('bob'));
    expect(await statusOf(app.webSocketUrl())).toBe(503);
    const refused = await openSse(app.url(stream), as('cat'));
    expect(refused.status).toBe(503);
    expect(Number(refused.response.headers['retry-after'])).toBeGreaterThan(0);
    second.drop();
    first.socket.close();
    await first.untilClosed();
    while (app.bus.stats().connections > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await statusOf(app.webSocketUrl())).toBe(101);
  });

  it('is bounded for an address, as the trusted proxy tells it: 429', async () => {
    const app = await start({ limits: { connectionsPerAddress: 1 }, trustedProxies: ['127.0.0.0/8'] });
    const from = (address: string) => ({ ...as('ann').headers, 'X-Forwarded-For': address });
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.1'))).toBe(101);
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.1'))).toBe(429);
    // What the client itself has sent stands before what the proxy added.
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.9, 192.0.2.1'))).toBe(429);
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.2'))).toBe(101);
    expect(await statusOf(app.webSocketUrl(), from('2001:db8::1'))).toBe(101);
    expect(await statusOf(app.webSocketUrl(), from('2001:db8::2'))).toBe(429);
    expect(await statusOf(app.webSocketUrl(), from('2001:db8:0:1::2'))).toBe(101);
  });

  it('is bounded for an address that nobody vouches for, and the log says what to do about a proxy', async () => {
    const warnings: string[] = [];
    const warn = Logger.prototype.warn;
    Logger.prototype.warn = (message: string) => warnings.push(message);
    afterTest(() => (Logger.prototype.warn = warn));
    const app = await start({ limits: { connectionsPerAddress: 1 } });
    const forged = () => ({ ...as('ann').headers, 'X-Forwarded-For': `192.0.2.${warnings.length + 1}` });
    expect(await statusOf(app.webSocketUrl(), forged())).toBe(101);
    expect(await statusOf(app.webSocketUrl(), forged())).toBe(429);
    expect(await statusOf(app.webSocketUrl(), forged())).toBe(429);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('trustedProxies');
  });

  it('is bounded for a principal: 429', async () => {
    const app = await start({ limits: { connectionsPerPrincipal: 2 } });
    const first = await openWs(app.webSocketUrl(), as('ann'));
    await openStream(app.url(stream), as('ann'));
    expect(await statusOf(app.webSocketUrl())).toBe(429);
    expect((await openSse(app.url(stream), as('ann'))).status).toBe(429);
    expect(await statusOf(app.webSocketUrl(), as('bob').headers)).toBe(101);
    first.socket.close();
    await first.untilClosed();
    while (app.bus.stats().connections > 2) await new Promise((resolve) => setImmediate(resolve));
    expect(await statusOf(app.webSocketUrl())).toBe(101);
  });
});

describe('a WebSocket', () => {
  it('has so many topics, and hears what to do', async () => {
    const app = await start({ websocket: { maxTopics: 2 } });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['public.a', 'public.b']);
    expect(await client.subscribe('public.c')).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(await client.subscribe('public.a')).toMatchObject({ event: 'subscribed' });
  });

  it('subscribes so fast, counted in topics; its user no faster with many connections', async () => {
    const app = await start({
      limits: {
        subscribe: { perSecond: 0.001, burst: 3 },
        subscribePerPrincipal: { perSecond: 0.001, burst: 5 },
      },
    });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.subscribe(['public.a', 'public.b'])).toMatchObject({ event: 'subscribed' });
    expect(await client.subscribe(['public.c', 'public.d'])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      retryable: true,
    });
    expect(await client.subscribe('public.c')).toMatchObject({ event: 'subscribed' });
    // Three are used up. Coming back does not make them new.
    client.socket.close();
    await client.untilClosed();
    const again = await openWs(app.webSocketUrl(), as('ann'));
    expect(await again.subscribe(['public.a', 'public.b', 'public.c'])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    const bob = await openWs(app.webSocketUrl(), as('bob'));
    expect(await bob.subscribe(['public.a', 'public.b', 'public.c'])).toMatchObject({ event: 'subscribed' });
  });

  it('publishes so fast, and its user', async () => {
    const app = await start({
      limits: {
        publish: { perSecond: 0.001, burst: 1 },
        publishPerPrincipal: { perSecond: 0.001, burst: 2 },
      },
    });
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await openWs(app.webSocketUrl(), as('ann')));
    const [one, two, three] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]];
    const publish = { topic: 'rooms.1', data: 1 };
    expect(await one.ask('publish', publish)).toMatchObject({ event: 'published' });
    expect(await one.ask('publish', publish)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(await two.ask('publish', publish)).toMatchObject({ event: 'published' });
    expect(await three.ask('publish', publish)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('that sends more frames than it may is closed with 1013, pings included', async () => {
    const app = await start({ limits: { messages: { perSecond: 0.001, burst: 5 } } });
    const talker = await openWs(app.webSocketUrl(), as('ann'));
    for (let i = 0; i < 7; i++) talker.send({ event: 'unsubscribe', data: { topics: ['public.a'] } });
    expect((await talker.untilClosed()).code).toBe(1013);
    expect(talker.all('error')).toMatchObject([{ code: 'LIMIT_EXCEEDED', retryable: true }]);
    const pinger = await openWs(app.webSocketUrl(), as('bob'));
    for (let i = 0; i < 6; i++) pinger.socket.ping();
    expect((await pinger.untilClosed()).code).toBe(1013);
  });

  it('sends messages of bounded size and depth', async () => {
    const app = await start({ websocket: { maxMessageBytes: 4_096 }, limits: { jsonDepth: 5 } });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
    expect(await client.ask('publish', { topic: 'rooms.1', data: nested(3) })).toMatchObject({
      event: 'published',
    });
    client.send({ event: 'publish', data: { topic: 'rooms.1', data: nested(4) } });
    expect(await client.next('error')).toMatchObject({
      code: 'INVALID_MESSAGE',
      message: 'Objects and arrays may be nested 5 deep.',
    });
    client.send('{"event":"publish","data":{"topic":"rooms.1","data":{"__proto__":{"isAdmin":true}}}}');
    expect(await client.next('error', 1)).toMatchObject({
      message: 'A message may not have a key "__proto__".',
    });
    client.send('x'.repeat(4_097));
    expect((await client.untilClosed()).code).toBe(1009);
  });

  it('may compress what it sends, and is bounded as it unpacks', async () => {
    const app = await start({ websocket: { maxMessageBytes: 4_096 } });
    const client = await openWs(app.webSocketUrl(), { ...as('ann'), perMessageDeflate: { threshold: 0 } });
    expect(client.socket.extensions).toContain('permessage-deflate');
    const topics = Array.from({ length: 100 }, (_, n) => `public.${n}`);
    expect(await client.subscribe(topics)).toMatchObject({ event: 'subscribed' });
    await app.bus.publish('public.7', 'x'.repeat(2_000));
    expect(await client.untilData(1)).toHaveLength(1);
    client.send(' '.repeat(1_000_000));
    expect((await client.untilClosed()).code).toBe(1009);
  });
});

describe('the SSE endpoint', () => {
  it.each(platforms)('takes a query of bounded length on %s: 413', async (platform) => {
    const app = await start({ limits: { queryBytes: 100 } }, platform);
    expect((await openSse(app.url(`${stream}&topic=${'a'.repeat(100)}`), as('ann'))).status).toBe(413);
    expect((await openSse(app.url(stream), as('ann'))).status).toBe(200);
  });

  it.each([
    ['?topic=', 400],
    ['', 400],
    ['?topic=a%0Aid:%207', 400],
    ['?topic=public.a%0D%0Adata:%20x', 400],
    ['?topic[]=public.x', 400],
    ['?topic[a]=public.x', 400],
    ['?__proto__[topic]=public.x', 400],
    ['?topic=public.x&from=%0Aid:%207', 200],
    ['?topic=public.x&lastEventId=%0Adata:%20x', 200],
    ['?topic=public.x&lastEventId=1&lastEventId=2', 400],
    [`?${'topic=public.x&'.repeat(300)}`, 400],
  ])('answers %s with %i, and nothing of it gets into the stream', async (query, status) => {
    const app = await start();
    const reader = await openSse(app.url(`/push/events${query}`), as('ann'));
    expect(reader.status).toBe(status);
    if (status !== 200) return;
    await reader.until(() => reader.body.includes('retry:'));
    await app.bus.publish('public.x', 'end');
    await reader.until(() => reader.body.includes('end'));
    const lines = reader.body
      .split('\n')
      .map((line) => line.replace(/[0-9a-f]{12}-\d+/, 'ID').replace(/\d+/, 'N'));
    const known = [
      '',
      ':',
      ': ',
      'retry: N',
      'id: ID',
      'event: push.gap',
      'data: {"topic":"public.x","data":"end"}',
    ];
    expect(
      lines.filter((line) => !known.includes(line) && !line.startsWith('data: {"reason":"malformed"')),
    ).toEqual([]);
  });
});

describe('a client that takes nothing of what waits for it', () => {
  it.each([
    ['a stream', `GET ${stream} HTTP/1.1`, ''],
    ['a WebSocket that says that it lives', 'GET /push HTTP/1.1', clientFrame('', { opcode: 10 })],
  ])('%s: loses its place after stallTimeout; who reads stays', async (_, request, alive) => {
    const app = await start({ heartbeat: 500, limits: { stallTimeout: 3_000 } });
    const client = await openRaw(
      app.port,
      request,
      'Host: x',
      'Authorization: Bearer ann',
      ...(alive ? handshakeHeaders() : []),
    );
    await client.untilText('\r\n\r\n');
    if (alive) client.send(clientFrame('{"event":"subscribe","data":{"topics":["public.x"]}}'));
    await eventually(() => app.bus.stats().subscriptions === 1);
    const reader = await openStream(app.url(stream), as('bob'));
    const isAlive = setInterval(() => alive && client.send(alive), 20);
    afterTest(() => clearInterval(isAlive));
    client.socket.pause();
    for (let n = 0; n < 100; n++) await app.bus.publish('public.x', 'x'.repeat(200_000));
    await reader.until(() => reader.body.length > 100 * 200_000);
    await eventually(() => app.bus.stats().connections === 1);
    await app.bus.publish('public.x', 'end');
    await reader.until(() => reader.body.endsWith('"end"}\n\n'));
  });
});

describe.each(platforms)('a connection that dawdles on %s', (platform) => {
  it('is dropped when its first head is late', async () => {
    const app = await start({ limits: { handshakeTimeout: 1_500 } }, platform);
    const silent = connect(app.port, '127.0.0.1');
    const slow = connect(app.port, '127.0.0.1');
    slow.write('GET /push HTTP/1.1\r\nHost: x\r\n');
    const trickle = setInterval(() => slow.write('X-A: b\r\n'), 20);
    afterTest(() => clearInterval(trickle));
    const closed = [silent, slow].map(
      (socket) =>
        new Promise((resolve) =>
          socket
            .on('error', () => undefined)
            .on('close', resolve)
            .resume(),
        ),
    );
    const settled = await openWs(app.webSocketUrl(), as('ann'));
    const reader = await openStream(app.url(stream), as('ann'));
    await Promise.all(closed);
    await app.bus.publish('public.x', 1);
    await reader.untilEvents(1);
    expect(settled.closed).toBeUndefined();
  });
});

describe.each([2 ** 40, Infinity])('time limits of %d ms, which no timer of Node can wait for', (time) => {
  const limits = {
    handshakeTimeout: time,
    decisionTimeout: time,
    firstMessageTimeout: time,
    stallTimeout: time,
  };

  it('let a TLS handshake take its time', async () => {
    const app = await start({ limits }, 'fastify with TLS');
    const early = await connectRaw(app.port);
    await eventually(() => app.sockets.size === 1);
    // A whole connection of another client: far longer than a timer that fires at once.
    const other = await openWs(app.webSocketUrl(), { ...as('ann'), rejectUnauthorized: false });
    expect(other.messages[0]).toMatchObject({ event: 'hello' });
    expect(early.isClosed).toBe(false);
    const late = connectTls({ socket: early.socket, rejectUnauthorized: false });
    await once(late, 'secureConnect');
    late.write(
      'GET /push/events?topic=public.x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\n\r\n',
    );
    const [head] = (await once(late, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('let the body of a request take its time', async () => {
    const app = await start({ limits });
    const body = '{"topic":"rooms.1","data":1}';
    const client = await connectRaw(app.port);
    client.send(
      `POST /push/publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await eventually(() => app.sockets.size === 1);
    await openWs(app.webSocketUrl(), as('bob'));
    client.send(body.slice(5));
    expect(await client.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 20\d /);
    expect(app.bus.stats().window.events).toBe(1);
  });

  it('let a client take its time with its first message', async () => {
    const app = await start({ limits, websocket: { firstMessage: true } });
    const client = connectWs(app.webSocketUrl());
    await once(client.socket, 'open');
    await openWs(app.webSocketUrl(), as('bob'));
    client.send({ event: 'authenticate', data: { token: 'ann' } });
    await client.until(() => client.messages.length > 0 || client.closed !== undefined);
    expect(client.messages[0]).toMatchObject({ event: 'hello' });
  });
});

describe('global guards of the application', () => {
  /** As many are: it expects a request, whatever comes. */
  @Injectable()
  class HeaderGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, unknown> }>();
      return request.headers['x-blocked'] === undefined;
    }
  }

  @Injectable()
  class CarefulGuard extends HeaderGuard {
    override canActivate(context: ExecutionContext): boolean {
      return context.getType() !== 'http' || super.canActivate(context);
    }
  }

  @Injectable()
  class NoGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      return context.getType() === 'http';
    }
  }

  async function startWith(guard: new () => CanActivate) {
    const warnings: string[] = [];
    const warn = Logger.prototype.warn;
    Logger.prototype.warn = (message: string) => warnings.push(message);
    afterTest(() => (Logger.prototype.warn = warn));
    const app = await startApp('express', {
      imports: [
        PushModule.forRoot({ topics: [{ pattern: 'public.>', access: 'public' }], onError: () => undefined }),
      ],
      providers: [{ provide: APP_GUARD, useClass: guard }],
    });
    const client = await openWs(app.webSocketUrl());
    const answer = await client.subscribe('public.x');
    const blocked = await openSse(app.url(stream), { headers: { 'X-Blocked': '1' } });
    return { warnings: warnings.join(), answer, blocked: blocked.status };
  }

  const reach = runsGlobalsForMessages ? 'run for messages' : 'run for HTTP only';

  it(`that expect HTTP, and ${reach}, are named at start where they would fail; their failure leaks nothing`, async () => {
    const { warnings, answer, blocked } = await startWith(HeaderGuard);
    if (runsGlobalsForMessages) {
      expect(warnings).toMatch(/HeaderGuard: a global guard also runs.*HttpOnly\(HeaderGuard\)/);
      expect(answer).toMatchObject({ event: 'error', code: 'INTERNAL', message: 'The server failed.' });
    } else {
      expect(warnings).toBe('');
      expect(answer).toMatchObject({ event: 'subscribed' });
    }
    expect(blocked).toBe(403);
  });

  it('are left to HTTP by HttpOnly', async () => {
    const { warnings, answer, blocked } = await startWith(HttpOnly(HeaderGuard));
    expect(warnings).toBe('');
    expect(answer).toMatchObject({ event: 'subscribed' });
    expect(blocked).toBe(403);
  });

  it('that look where they are, are not', async () => {
    const { warnings, answer, blocked } = await startWith(CarefulGuard);
    expect(warnings).toBe('');
    expect(answer).toMatchObject({ event: 'subscribed' });
    expect(blocked).toBe(403);
  });

  it(`${reach}: a refusal says so`, async () => {
    const { answer } = await startWith(NoGuard);
    expect(answer).toMatchObject(
      runsGlobalsForMessages ? { event: 'error', code: 'FORBIDDEN' } : { event: 'subscribed' },
    );
  });
});

describe('global interceptors, pipes and filters of the application', () => {
  @Injectable()
  class HeaderInterceptor implements NestInterceptor {
    intercept(context: ExecutionContext, next: CallHandler) {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
      return request.headers['x-blocked'] === undefined ? next.handle() : EMPTY;
    }
  }

  const seen: string[] = [];

  @Injectable()
  class TracingInterceptor implements NestInterceptor {
    intercept(context: ExecutionContext, next: CallHandler) {
      seen.push(`${context.getType()} ${context.getHandler().name}`);
      return next.handle().pipe(map((data: unknown) => ({ envelope: data })));
    }
  }

  @Injectable()
  class TracingPipe implements PipeTransform {
    transform(value: unknown, { type, metatype }: ArgumentMetadata) {
      seen.push(`${type} ${metatype?.name}`);
      return value;
    }
  }

  /** As many are: it answers over HTTP, whatever failed. */
  @Catch()
  class HttpFilter implements ExceptionFilter {
    catch(_exception: unknown, host: ArgumentsHost) {
      seen.push(host.getType());
      const response = host
        .switchToHttp()
        .getResponse<{ status(code: number): { json(body: unknown): void } }>();
      response.status(418).json({});
    }
  }

  async function startWith(...providers: Provider[]) {
    seen.length = 0;
    const warnings: string[] = [];
    const warn = Logger.prototype.warn;
    Logger.prototype.warn = (message: string) => warnings.push(message);
    afterTest(() => (Logger.prototype.warn = warn));
    const topics = [{ pattern: 'public.>', access: 'public' }] as const;
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics, onError: () => undefined })],
      providers,
    });
    return { app, client: await openWs(app.webSocketUrl()), warnings: warnings.join() };
  }

  it('interceptors that want a request are named at start, and left to HTTP by HttpOnly', async () => {
    const broken = await startWith({ provide: APP_INTERCEPTOR, useClass: HeaderInterceptor });
    if (runsGlobalsForMessages) {
      expect(broken.warnings).toMatch(
        /HeaderInterceptor: a global interceptor also.*HttpOnly\(HeaderInterceptor\)/,
      );
      expect(await broken.client.subscribe('public.x')).toMatchObject({ code: 'INTERNAL' });
    } else {
      expect(broken.warnings).toBe('');
      expect(await broken.client.subscribe('public.x')).toMatchObject({ event: 'subscribed' });
    }
    const whole = await startWith({ provide: APP_INTERCEPTOR, useClass: HttpOnly(HeaderInterceptor) });
    expect(whole.warnings).toBe('');
    expect(await whole.client.subscribe('public.x')).toMatchObject({ event: 'subscribed' });
  });

  it('interceptors see each message that Nest gives them, pipes none, and what they make of the result breaks nothing', async () => {
    const { app, client, warnings } = await startWith(
      { provide: APP_INTERCEPTOR, useClass: TracingInterceptor },
      { provide: APP_PIPE, useClass: TracingPipe },
    );
    expect(warnings).toBe('');
    expect(await client.subscribe('public.x')).toMatchObject({ event: 'subscribed' });
    expect(seen.includes('ws subscribe')).toBe(runsGlobalsForMessages);
    expect(seen.filter((entry) => entry.startsWith('body'))).toEqual([]);
    await app.bus.publish('public.x', 1);
    expect(await client.untilData(1)).toEqual([1]);
  });

  it('filters are for the routes of the application: push answers its own errors', async () => {
    const { app, client } = await startWith({ provide: APP_FILTER, useClass: HttpFilter });
    expect(await client.subscribe('secret')).toMatchObject({ event: 'error', code: 'FORBIDDEN' });
    client.send({ event: 'subscribe', data: { topics: 7 } });
    expect(await client.next('error', 1)).toMatchObject({ code: 'INVALID_MESSAGE' });
    expect((await openSse(app.url('/push/events?topic=secret'))).status).toBe(403);
    expect(seen).toEqual([]);
  });
});

it('the throttler of @nestjs/throttler counts requests, and leaves messages to the limits of push', async () => {
  const server = await NewsProcess.start({ requestsPerMinute: 2 });
  const client = await openWs(`ws://127.0.0.1:${server.port}/push`);
  for (let n = 0; n < 5; n++)
    expect(await client.subscribe(`news.${n}`)).toMatchObject({ event: 'subscribed' });
  const statuses = [];
  for (let n = 0; n < 3; n++) {
    const reader = await openSse(`http://127.0.0.1:${server.port}/push/events?topic=news.x`);
    statuses.push(reader.status);
  }
  expect(statuses).toEqual([200, 200, 429]);
  expect(server.child.output).not.toContain('Throttler');
});

describe('options that make no sense', () => {
  it.each([
    [{ limits: { connections: NaN } }, /limits\.connections is NaN; it takes a positive number/],
    [{ limits: { connections: 0 } }, /limits\.connections/],
    [
      { limits: { publish: { perSecond: 1, burst: -1 } } },
      /limits\.publish is an object; it takes two positive numbers/,
    ],
    [{ limits: { messages: 5 } }, /limits\.messages/],
    [{ trustedProxies: ['loopback'] }, /trustedProxies: "loopback" is neither/],
    [{ trustedProxies: ['10.0.0.0/33'] }, /trustedProxies/],
  ])('%j stops the application at start', async (options, message) => {
    const create = createApp('express', { imports: [PushModule.forRoot(options as PushOptions)] });
    await expect(create).rejects.toThrow(message);
  });

  it('an undefined limit is the default', async () => {
    const app = await start({ limits: { connections: undefined } });
    expect(await statusOf(app.webSocketUrl())).toBe(101);
  });
});

it('a request that is no WebSocket handshake leaves nothing behind', async () => {
  const app = await start({ limits: { connections: 1 } });
  for (const key of ['', 'short', 'not base64 at all!!!!!!!']) {
    const raw = await openRaw(
      app.port,
      'GET /push HTTP/1.1',
      'Host: x',
      'Authorization: Bearer ann',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${key}`,
    );
    expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 400 /);
  }
  expect(await statusOf(app.webSocketUrl())).toBe(101);
});
