import {
  Controller,
  Get,
  Logger,
  RequestMethod,
  VersioningType,
  type INestApplication,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { PushModule, PushWsAdapter, type PushModuleExtras } from 'nestjs-push';
import { connect } from 'nestjs-push-client';
import WebSocket from 'ws';
import { afterTest } from './support/cleanup.js';
import { KeepingLogger } from './support/logged.js';
import { postJson } from './support/post-json.js';
import { openSse } from './support/sse-reader.js';
import { platforms, startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs } from './support/ws-client.js';

const topics = [{ pattern: 'news.>', access: 'public' as const }];

@Controller({ path: 'things', version: '2' })
class ThingsController {
  @Get()
  things() {
    return [];
  }
}

type Configure = (app: INestApplication) => unknown;

const all = RequestMethod.ALL;
const cases: [string, PushModuleExtras, Configure, string][] = [
  ['nothing', {}, () => undefined, '/push'],
  ['a path of several segments', { path: 'live/push/' }, () => undefined, '/live/push'],
  ['a prefix', {}, (app) => app.setGlobalPrefix('api'), '/api/push'],
  ['a prefix with slashes', {}, (app) => app.setGlobalPrefix('/api/v7/'), '/api/v7/push'],
  ['a prefix with a parameter', {}, (app) => app.setGlobalPrefix(':tenant/api'), '/acme/api/push'],
  [
    'a prefix that is set after an adapter',
    {},
    (app) => {
      app.useWebSocketAdapter(new PushWsAdapter(app));
      app.setGlobalPrefix('early');
      app.setGlobalPrefix('late');
    },
    '/late/push',
  ],
  [
    'a prefix that leaves the base path out',
    {},
    (app) => app.setGlobalPrefix('api', { exclude: ['push'] }),
    '/push',
  ],
  [
    'a prefix that leaves out what is below it',
    {},
    (app) => app.setGlobalPrefix('api', { exclude: ['push/{*rest}', 'other'] }),
    '/push',
  ],
  [
    'a prefix that leaves out one endpoint',
    {},
    (app) => app.setGlobalPrefix('api', { exclude: [{ path: 'push/events', method: RequestMethod.GET }] }),
    '/push',
  ],
  [
    'a prefix that leaves out something else',
    {},
    (app) => app.setGlobalPrefix('api', { exclude: [{ path: 'pushed', method: all }] }),
    '/api/push',
  ],
  [
    'versions in the path',
    {},
    (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    '/push',
  ],
  [
    'versions in the path, after a prefix',
    {},
    (app) =>
      app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: ['1', '2'] }),
    '/api/push',
  ],
  [
    'versions in a header',
    {},
    (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version', defaultVersion: '1' }),
    '/push',
  ],
  [
    'versions in the media type',
    {},
    (app) => app.enableVersioning({ type: VersioningType.MEDIA_TYPE, key: 'v=', defaultVersion: '1' }),
    '/push',
  ],
];

async function serves(app: RunningApp, base: string): Promise<Record<string, boolean>> {
  const stream = await openSse(app.url(`${base}/events?topic=news.a`));
  const messages = await openSse(app.url(`${base}/events`), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"subscribe":[]}',
  });
  const published = await postJson(app.url(`${base}/publish`), { topic: 'news.a', data: 1 });
  const client = connectWs(app.webSocketUrl(base));
  await client.until(() => client.messages.length > 0 || client.closed !== undefined);
  return {
    events: stream.status === 200,
    messages: messages.status === 200,
    // Nobody may: but who is asked, is there.
    publish: published.status === 403,
    websocket: client.messages.length > 0,
  };
}

const everything = { events: true, messages: true, publish: true, websocket: true };
const nothing = { events: false, messages: false, publish: false, websocket: false };

describe.each(platforms)('the base path on %s', (platform) => {
  it.each(cases)(
    'is one for both doors and the client, and is printed at start: %s',
    async (_, extras, configure, base) => {
      const logger = KeepingLogger.install();
      afterTest(() => Logger.overrideLogger(false));
      const app = await startApp(
        platform,
        { imports: [PushModule.forRoot({ topics, ...extras })], controllers: [ThingsController] },
        (nest) => {
          Logger.overrideLogger(logger);
          configure(nest);
        },
      );
      expect(await serves(app, base)).toEqual(everything);
      for (const other of ['/push', '/api/push', '/v1/push', '/api/v1/push'].filter(
        (path) => path !== base,
      )) {
        expect(await serves(app, other)).toEqual(nothing);
      }
      const printed = base.replace('/acme', '/:tenant');
      expect(logger.lines).toContain(
        `Push: WebSocket at ${printed}, SSE at ${printed}/events, publishing at ${printed}/publish, history at ${printed}/history`,
      );
      for (const transports of [['websocket'], ['sse']] as const) {
        const push = connect(app.url(base), { transports, webSocket: WebSocket as never });
        afterTest(() => push.close());
        const got: unknown[] = [];
        await push.on('news.a', (data) => got.push(data)).live;
        await app.bus.publish('news.a', transports[0]);
        await eventually(() => got.length === 1);
      }
    },
  );

  it('follows the path that RouterModule gives the module', async () => {
    const app = await startApp(platform, {
      imports: [
        PushModule.forRoot({ topics }),
        RouterModule.register([{ path: 'inner', module: PushModule }]),
      ],
    });
    expect(await serves(app, '/inner/push')).toEqual(everything);
    expect(await serves(app, '/push')).toEqual(nothing);
  });

  it('is matched exactly', async () => {
    const app = await startApp(platform, { imports: [PushModule.forRoot({ topics })] });
    for (const path of ['/PUSH', '/push/', '//push', '/pu%73h']) {
      expect([path, await serves(app, path)]).toEqual([path, nothing]);
    }
    for (const path of [
      '/push/events/?topic=news.a',
      '/push/Events?topic=news.a',
      '/push//events?topic=news.a',
    ]) {
      const { status } = await openSse(app.url(path));
      expect([path, status]).toEqual([path, 404]);
    }
  });

  it('is the own one of each of several applications in one process', async () => {
    const start = (prefix: string) =>
      startApp(platform, { imports: [PushModule.forRoot({ topics })] }, (nest) =>
        nest.setGlobalPrefix(prefix),
      );
    const [one, two] = [await start('one'), await start('two')];
    expect(await serves(one, '/one/push')).toEqual(everything);
    expect(await serves(two, '/two/push')).toEqual(everything);
    expect(await serves(one, '/two/push')).toEqual(nothing);
  });

  it("leaves the application's own routes where a door is closed", async () => {
    @Controller('push')
    class OwnController {
      @Get('events')
      events() {
        return 'mine';
      }
    }
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ topics, transports: ['websocket'] })],
      controllers: [OwnController],
    });
    expect(await (await fetch(app.url('/push/events'))).text()).toBe('mine');
  });
});

it.each(['strict routing', 'case sensitive routing'])(
  'Express with %s serves the same paths',
  async (setting) => {
    const app = await startApp('express', { imports: [PushModule.forRoot({ topics })] }, (nest) =>
      (nest as NestExpressApplication).set(setting, true),
    );
    expect(await serves(app, '/push')).toEqual(everything);
    expect(await serves(app, '/PUSH')).toEqual(nothing);
  },
);
