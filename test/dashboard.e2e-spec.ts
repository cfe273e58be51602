import { VersioningType, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Authenticator, PushModule, PushTopic, type TopicPolicy } from 'nestjs-push';
import { PushDashboardModule } from 'nestjs-push/dashboard';
import { readdirSync } from 'node:fs';
import { afterTest } from './support/cleanup.js';
import { DashboardView, operator, OperatorGuard, post, startWithDashboard } from './support/dashboard.js';
import { openSse } from './support/sse-reader.js';
import { createApp, platforms, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

const view = 'a'.repeat(22);
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Sets NODE_ENV for a test. */
function environment(name: string): void {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = name;
  afterTest(() => {
    process.env['NODE_ENV'] = before;
  });
}

describe('Without a guard', () => {
  const metadata = { imports: [PushModule.forRoot(), PushDashboardModule.forRoot()] };

  it('the application does not start in production, and the error says what to do', async () => {
    environment('production');
    await expect(createApp('express', metadata)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message:
        'The dashboard would show everybody what the clients of this application do. ' +
        'Say who may: PushDashboardModule.forRoot({ guard: YourGuard }).',
    });
  });

  it('everybody may open it elsewhere', async () => {
    environment('development');
    const app = await startApp('express', metadata);
    expect((await fetch(app.url('/push/dashboard/'))).status).toBe(200);
  });

  it('what is no guard is refused', async () => {
    const guard = { canActivate: true } as never;
    const imports = [PushModule.forRoot(), PushDashboardModule.forRoot({ guard })];
    await expect(createApp('express', { imports })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe.each(platforms)('The dashboard on %s', (platform) => {
  const base = '/push/dashboard';

  it('has its guard before every route', async () => {
    const app = await startWithDashboard(platform);
    const routes = [
      ['GET', ''],
      ['GET', '/'],
      ['HEAD', '/'],
      ...readdirSync('libs/push/dashboard').map((name) => ['GET', `/${name}`]),
      ['GET', '/no-such-file.js'],
      ['GET', `/events?view=${view}`],
      ['POST', '/look'],
      ['POST', '/publish'],
    ];
    for (const [method, path] of routes) {
      const before = OperatorGuard.asked;
      const { status } = await fetch(app.url(base + path!), { method: method!, redirect: 'manual' });
      expect([method, path, status, OperatorGuard.asked - before]).toEqual([method, path, 403, 1]);
    }
  });

  it('serves the page beside its files, with strict headers, and says when the browser has them already', async () => {
    const app = await startWithDashboard(platform);
    const get = (path: string, headers = {}) =>
      fetch(app.url(base + path), { headers: { ...operator, ...headers }, redirect: 'manual' });
    const first = await get('?a=b');
    expect([first.status, first.headers.get('location')]).toEqual([302, 'dashboard/']);
    const index = await get('/');
    expect(index.status).toBe(200);
    expect(index.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await index.text()).toMatch(/^<!doctype html>/i);
    for (const response of [first, index, await get(`/events?view=!`)]) {
      expect(response.headers.get('content-security-policy')).toBe(policy);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    }
    const etag = index.headers.get('etag')!;
    const again = await get('/', { 'if-none-match': etag });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200);
    for (const path of [
      '/a/b/',
      '/a/index.html',
      '//',
      '/..%2fpackage.json',
      '/package.json',
      '/constructor',
      '/__proto__',
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
  });

  it('is found below the global prefix, whatever the version, and not in the OpenAPI document', async () => {
    const configure = (nest: INestApplication) => {
      nest.setGlobalPrefix('api');
      nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
    };
    const app = await startWithDashboard(platform, {}, configure);
    const index = await fetch(app.url('/api/push/dashboard'), { headers: operator });
    expect([index.status, index.url]).toEqual([200, app.url('/api/push/dashboard/')]);
    const document = SwaggerModule.createDocument(app.nest, new DocumentBuilder().build());
    expect(Object.keys(document.paths).filter((path) => path.includes('dashboard'))).toEqual([]);
    const page = await DashboardView.open(app, '/api/push/dashboard');
    await page.until('node');
  });

  it('tells a page of the node and of its past, by one stream that no cache keeps', async () => {
    const app = await startWithDashboard(platform, { topics: [{ pattern: 'news.*', access: 'public' }] });
    await app.bus.publish('news.a', 1);
    const page = await DashboardView.open(app);
    expect(page.stream.response.headers['content-security-policy']).toBe(policy);
    expect(page.stream.response.headers['cache-control']).toContain('no-store');
    const past = await page.until<{ node: string; step: number; names: string[]; samples: number[][] }>(
      'past',
    );
    expect(past.step).toBe(5_000);
    expect(past.samples[0]).toHaveLength(past.names.length + 1);
    const node = await page.until<Record<string, unknown> & { figures: Record<string, number> }>('node');
    expect(node).toMatchObject({
      node: past.node,
      pid: process.pid,
      runtime: process.version,
      serving: true,
      draining: false,
      head: app.bus.stats().positions.head,
    });
    expect(node.figures).toMatchObject({ published: 1, 'published.rule.news.*': 1, 'connections.sse': 1 });
    // The health is known once it was checked.
    await page.until<{ health: { ready: boolean } | null }>('node', ({ health }) => health?.ready === true);
  });

  it.each(['cross-site', 'same-site', 'none'])('refuses what a page elsewhere sends (%s)', async (site) => {
    const app = await startWithDashboard(platform, {}, (nest: INestApplication) =>
      nest.enableCors({ origin: true, credentials: true }),
    );
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': site };
    for (const path of ['/look', '/publish']) {
      const answer = await post(app.url(base + path), { view, topic: 'a', data: 1 }, headers);
      expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'FORBIDDEN' }]);
    }
    const events = await openSse(app.url(`${base}/events?view=${view}`), {
      headers: { ...operator, ...headers },
    });
    expect(events.status).toBe(403);
    expect(app.bus.stats().window.events).toBe(0);
  });

  it('compares the origin with the host where the browser does not say where the page is from', async () => {
    const app = await startWithDashboard(platform);
    const publish = (origin: string) => post(app.url(`${base}/publish`), { topic: 'a', data: 1 }, { origin });
    expect((await publish(app.url(''))).status).toBe(200);
    expect((await publish('http://127.0.0.1:1')).status).toBe(403);
    expect((await publish('null')).status).toBe(403);
  });

  it('takes no body but JSON', async () => {
    const app = await startWithDashboard(platform);
    const body = JSON.stringify({ topic: 'a', data: 1 });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const answer = await post(app.url(`${base}/publish`), body, { 'content-type': type });
      expect(answer.status).toBeGreaterThanOrEqual(400);
    }
    expect(app.bus.stats().window.events).toBe(0);
  });

  it('publishes as the application does, but nothing to a reserved topic', async () => {
    const app = await startWithDashboard(platform);
    const publish = async (body: unknown) => {
      const answer = await post(app.url(`${base}/publish`), body);
      return [answer.status, await answer.json()] as [number, Record<string, unknown>];
    };
    const [status, { id }] = await publish({ topic: 'news.a', data: { a: 1 }, type: 'test' });
    expect(status).toBe(200);
    const { events } = await app.bus.history('news.a');
    expect(events).toMatchObject([{ id, type: 'test', data: { a: 1 } }]);
    for (const topic of ['$presence.x', '$dashboard.x', '$x'])
      expect(await publish({ topic, data: 1 })).toMatchObject([403, { code: 'FORBIDDEN' }]);
    expect(await publish({ topic: 'a b', data: 1 })).toMatchObject([400, { code: 'INVALID_TOPIC' }]);
    expect(await publish({ topic: 'a.*', data: 1 })).toMatchObject([400, { code: 'INVALID_TOPIC' }]);
    expect(await publish({ topic: 'a' })).toMatchObject([400, { code: 'DATA_NOT_SERIALIZABLE' }]);
    expect(await publish({ data: 1 })).toMatchObject([400, { code: 'INVALID_MESSAGE' }]);
    expect(await publish({ topic: 'a', data: 1, type: 'push.gap' })).toMatchObject([
      400,
      { code: 'INVALID_TYPE' },
    ]);
    expect(await publish('[1]')).toMatchObject([400, { code: 'INVALID_MESSAGE' }]);
  });
});

it('Ordinary clients can neither read nor publish what the dashboard is sent, whatever rules and policies say', async () => {
  class Anybody extends Authenticator {
    authenticate = () => ({ id: 'ann' });
  }
  @PushTopic('$dashboard.:view')
  class Everything implements TopicPolicy {
    canSubscribe = () => true;
    canPublish = () => true;
  }
  const topics = ['$dashboard.*', '$dashboard.>', '>'].map((pattern) => ({
    pattern,
    access: 'public' as const,
  }));
  const app = await startApp('express', {
    imports: [
      PushModule.forRoot({ topics, authenticate: Anybody }),
      PushDashboardModule.forRoot({ guard: OperatorGuard }),
    ],
    providers: [Everything],
  });
  const page = await DashboardView.open(app);
  const socket = await openWs(app.webSocketUrl());
  for (const topic of [`$dashboard.${page.view}`, '$dashboard.>', '$dashboard.*']) {
    expect(await socket.subscribe(topic)).toMatchObject({ code: 'FORBIDDEN' });
    expect((await openSse(app.url(`/push/events?topic=${topic}`))).status).toBe(403);
  }
  const history = await fetch(app.url(`/push/history?topic=$dashboard.${page.view}`));
  expect(history.status).toBe(403);
  const publish = await post(app.url('/push/publish'), { topic: `$dashboard.${page.view}`, data: 1 });
  expect(publish.status).toBe(403);
  // A client of everything gets nothing of it.
  await socket.subscribe('>');
  await page.until('node');
  await app.bus.publish('last', 1);
  await socket.untilData(1);
  expect(socket.data).toHaveLength(1);
});

it('A node serves 16 pages at a time, and has room again when one is closed', async () => {
  const app = await startWithDashboard('express');
  const pages = await Promise.all(Array.from({ length: 16 }, () => DashboardView.open(app)));
  const headers = { ...operator, 'push-refusals': 'status' };
  const another = () => openSse(app.url(`/push/dashboard/events?view=${view}`), { headers });
  expect((await another()).status).toBe(429);
  pages[0]!.stream.drop();
  await eventually(async () => (await another()).status === 200);
});
