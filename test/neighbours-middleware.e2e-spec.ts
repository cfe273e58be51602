import fastifyCompress from '@fastify/compress';
import fastifyHelmet from '@fastify/helmet';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import compression from 'compression';
import helmet from 'helmet';
import { EventBus, PushLifecycle, PushModule, type PushModuleExtras } from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { GzipReader, openGzip } from './support/compressed-clients.js';
import { postJson } from './support/post-json.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

const topics = [{ pattern: 'news.>', access: 'public' as const }];

@Module({ providers: [Users], exports: [Users] })
class UsersModule {}

type Configure = (app: INestApplication) => unknown;

function start(platform: Platform, configure?: Configure, extras: PushModuleExtras = {}) {
  const push = PushModule.forRoot({ topics, authenticate: NameAuthenticator, ...extras });
  return startApp(platform, { imports: [UsersModule, push] }, configure);
}

function register(app: INestApplication, plugin: unknown, options: object): unknown {
  return (app as NestFastifyApplication).register(plugin as never, options);
}

const middleware: [string, Platform, Configure][] = [
  ['helmet', 'express', (app) => app.use(helmet())],
  ['helmet', 'fastify', (app) => register(app, fastifyHelmet, {})],
  ['compression', 'express', (app) => app.use(compression({ threshold: 0 }))],
  ['compression', 'fastify', (app) => register(app, fastifyCompress, { threshold: 0 })],
];

describe.each(middleware)('beside %s on %s', (name, platform, configure) => {
  it('streams begin at once, and answers keep their form', async () => {
    const app = await start(platform, configure);
    const headers = { ...as('ann').headers, 'accept-encoding': 'identity' };
    const stream = await openStream(app.url('/push/events?topic=news.a'), { headers });
    expect(stream.response.headers['content-type']).toMatch(/^text\/event-stream/);
    if (name === 'helmet') expect(stream.response.headers['x-content-type-options']).toBe('nosniff');
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('news.a');
    for (let n = 1; n <= 3; n++) {
      await app.bus.publish('news.a', n);
      await stream.untilEvents(n);
    }
    expect(await client.untilData(3)).toEqual([1, 2, 3]);
    const refused = await postJson(app.url('/push/publish'), { topic: 'news.a', data: 1 }, as('ann').headers);
    expect(refused).toMatchObject({ status: 403, body: { statusCode: 403, code: 'FORBIDDEN' } });
  });
});

// Middleware that has taken the body over is left alone with it; a plugin of Fastify never sees a stream, which push compresses.
it.each(middleware.slice(2))('%s on %s packs no stream', async (_, platform, configure) => {
  const app = await start(platform, configure);
  const headers = { ...as('ann').headers, 'accept-encoding': 'gzip, br' };
  const url = app.url('/push/events?topic=news.a');
  const isByPush = platform === 'fastify';
  const stream = isByPush ? await openGzip(url, headers) : await openStream(url, { headers });
  const { response } = stream instanceof GzipReader ? { response: stream.compressed } : stream;
  expect(response.headers['content-encoding']).toBe(isByPush ? 'gzip' : undefined);
  await stream.until(() => stream.lastEventId !== '');
  await app.bus.publish('news.a', 1);
  await stream.untilEvents(1);
});

describe.each(platforms)('on %s', (platform) => {
  const origin = 'https://page.example';

  it('CORS with credentials lets pages of its origins in, and no others', async () => {
    const app = await start(platform, (nest) => nest.enableCors({ origin, credentials: true }));
    const ask = (from: string) => ({
      headers: { ...as('ann').headers, cookie: 'a=b', origin: from },
    });
    const stream = await openSse(app.url('/push/events?topic=news.a'), ask(origin));
    expect(stream.status).toBe(200);
    expect(stream.response.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
    });
    expect((await openSse(app.url('/push/events?topic=news.a'), ask('https://evil.example'))).status).toBe(
      403,
    );
    const posted = await postJson(
      app.url('/push/publish'),
      { topic: 'news.a', data: 1 },
      ask(origin).headers,
    );
    expect(posted.status).toBe(403);
    expect(posted.headers.get('access-control-allow-origin')).toBe(origin);
    const preflight = await fetch(app.url('/push/publish'), {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
  });

  it('@nestjs/swagger describes the endpoints where they are', async () => {
    const app = await start(platform, (nest) => nest.setGlobalPrefix('api'));
    const { paths } = SwaggerModule.createDocument(app.nest, new DocumentBuilder().build());
    const endpoints = ['events', 'history', 'presence', 'publish'].map((name) => `/api/push/${name}`);
    expect(Object.keys(paths).toSorted()).toEqual(endpoints);
    const { get, post } = paths['/api/push/events']!;
    expect(get!.parameters).toEqual([
      expect.objectContaining({
        in: 'query',
        name: 'topic',
        required: true,
        schema: expect.objectContaining({ type: 'array' }) as object,
      }),
      expect.objectContaining({ in: 'query', name: 'from', required: false }),
      expect.objectContaining({ in: 'query', name: 'lastEventId', required: false }),
      expect.objectContaining({ in: 'query', name: 'ticket', required: false }),
      expect.objectContaining({ in: 'header', name: 'Last-Event-ID', required: false }),
      expect.objectContaining({ in: 'header', name: 'Push-Refusals', required: false }),
    ]);
    expect(get!.responses['200']).toMatchObject({ content: { 'text/event-stream': {} } });
    expect(post!.requestBody).toMatchObject({
      content: { 'application/json': { schema: { required: ['subscribe'] } } },
    });
    expect(paths['/api/push/history']!.get!.parameters).toEqual(
      ['topic', 'before', 'limit', 'ticket'].map(
        (name) => expect.objectContaining({ in: 'query', name, required: name === 'topic' }) as object,
      ),
    );
    const publish = paths['/api/push/publish']!.post!;
    expect(publish.requestBody).toMatchObject({
      required: true,
      content: { 'application/json': { schema: { required: ['topic', 'data'] } } },
    });
    const refusals = ['400', '401', '403', '413', '429', '500', '503'];
    expect(Object.keys(get!.responses)).toEqual(['200', '204', ...refusals]);
    expect(Object.keys(post!.responses)).toEqual(['200', ...refusals]);
    expect(Object.keys(publish.responses)).toEqual(['200', ...refusals.toSpliced(3, 0, '409', '410')]);
  });

  it('@nestjs/terminus tells whether events get through, and whether the server takes clients', async () => {
    @Controller()
    class HealthController {
      constructor(
        private readonly health: HealthCheckService,
        private readonly indicators: HealthIndicatorService,
        private readonly bus: EventBus,
        private readonly lifecycle: PushLifecycle,
      ) {}

      @Get('health')
      @HealthCheck()
      check() {
        return this.health.check([
          async () => {
            const indicator = this.indicators.check('push');
            const { ready } = await this.bus.health();
            return ready && this.lifecycle.ready ? indicator.up() : indicator.down();
          },
        ]);
      }
    }
    const app = await startApp(platform, {
      imports: [TerminusModule, PushModule.forRoot({ topics })],
      controllers: [HealthController],
    });
    expect((await fetch(app.url('/health'))).status).toBe(200);
    await app.nest.get(PushLifecycle).drain();
    expect((await fetch(app.url('/health'))).status).toBe(503);
  });

  it('@nestjs/config configures it by forRootAsync', async () => {
    process.env.PUSH_TEST_HEARTBEAT = '1234';
    afterTest(() => delete process.env.PUSH_TEST_HEARTBEAT);
    const app = await startApp(
      platform,
      {
        imports: [
          PushModule.forRootAsync({
            imports: [ConfigModule.forRoot({ ignoreEnvFile: true })],
            inject: [ConfigService],
            useFactory: (config: ConfigService) => ({
              topics,
              heartbeat: Number(config.get('PUSH_TEST_HEARTBEAT')),
            }),
            path: 'live',
          }),
        ],
      },
      (nest) => nest.setGlobalPrefix('api'),
    );
    const client = await openWs(app.webSocketUrl('/api/live'));
    expect(client.all('hello')).toMatchObject([{ heartbeat: 1234 }]);
    expect((await openSse(app.url('/api/live/events?topic=news.a'))).status).toBe(200);
  });
});
