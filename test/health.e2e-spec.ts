import type { HealthIndicatorResult } from '@nestjs/terminus';
import { PushLifecycle, PushModule, type PushOptions } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { PushHealthIndicator } from 'nestjs-push/terminus';
import { readFile } from 'node:fs/promises';
import { afterTest } from './support/cleanup.js';
import { freePort } from './support/free-port.js';
import { HealthModule } from './support/health-example.js';
import { LateBackplane } from './support/late-backplane.js';
import { startRedis } from './support/servers.js';
import { openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

const topics = [{ pattern: 'news.>', access: 'public' as const }];

function start(platform: Platform, options: PushOptions = {}): Promise<RunningApp> {
  return startApp(platform, { imports: [PushModule.forRoot({ topics, ...options }), HealthModule] });
}

interface Answer {
  readonly status: number;
  readonly details: HealthIndicatorResult;
}

async function ask(app: RunningApp, path: string): Promise<Answer> {
  const response = await fetch(app.url(path));
  return {
    status: response.status,
    details: ((await response.json()) as { details: HealthIndicatorResult }).details,
  };
}

/** What each of the three endpoints answers. */
async function statuses(app: RunningApp): Promise<Record<string, number>> {
  const names = ['live', 'ready', 'delivery'];
  const asked = await Promise.all(names.map((name) => ask(app, `/health/${name}`)));
  return Object.fromEntries(names.map((name, index) => [name, asked[index]!.status]));
}

describe.each(platforms)('The health of a node on %s', (platform) => {
  it('is ready, and delivers', async () => {
    const app = await start(platform);
    expect(await statuses(app)).toEqual({ live: 200, ready: 200, delivery: 200 });
    expect((await ask(app, '/health/ready')).details).toEqual({ push: { status: 'up' } });
  });

  it('is alive, but not ready, until it has reached its log', async () => {
    const backplane = new LateBackplane();
    const app = await start(platform, { backplane });
    expect(await ask(app, '/health/ready')).toEqual({
      status: 503,
      details: { push: { status: 'down', reason: 'The node has not reached its log yet.' } },
    });
    expect((await ask(app, '/health/live')).status).toBe(200);
    backplane.reach();
    expect((await ask(app, '/health/ready')).status).toBe(200);
  });

  it('is alive, but not ready, while it drains, and still serves the clients that it has', async () => {
    const app = await start(platform, { shutdownDelay: 60_000 });
    const stream = await openStream(app.url('/push/events?topic=news.a'));
    const lifecycle = app.nest.get(PushLifecycle);
    const drained = lifecycle.drain();
    expect(await ask(app, '/health/ready')).toEqual({
      status: 503,
      details: { push: { status: 'down', reason: 'The node is draining.' } },
    });
    expect((await ask(app, '/health/live')).status).toBe(200);
    await app.bus.publish('news.a', 1);
    await stream.untilEvents(1);
    lifecycle.abort();
    await drained;
  });
});

describe('The health of a node whose Redis is away', () => {
  it('is ready once Redis was there, stays so while it is away again, and says that it does not deliver', async () => {
    const port = await freePort();
    const backplane = redisBackplane({ url: `redis://127.0.0.1:${port}` });
    const app = await start('express', { backplane });
    expect(await statuses(app)).toEqual({ live: 200, ready: 503, delivery: 503 });
    const redis = await startRedis('none', [], port);
    afterTest(() => redis.dispose());
    await eventually(async () => (await ask(app, '/health/delivery')).status === 200);
    expect(await statuses(app)).toEqual({ live: 200, ready: 200, delivery: 200 });
    const stream = await openStream(app.url('/push/events?topic=news.a'));
    await redis.kill();
    const { status, details } = await ask(app, '/health/delivery');
    expect(status).toBe(503);
    expect(details.push).toMatchObject({
      status: 'down',
      detail: expect.stringMatching(/^A probe did not come back: Redis cannot be used/),
    });
    expect(await statuses(app)).toEqual({ live: 200, ready: 200, delivery: 503 });
    await redis.start();
    await eventually(async () => (await ask(app, '/health/delivery')).status === 200);
    await app.bus.publish('news.a', 1);
    await stream.untilEvents(1);
  });
});

it('The indicator has the name that it is given, beside others in one check', async () => {
  const app = await start('express');
  const push = app.nest.get(PushHealthIndicator, { strict: false });
  expect(push.isReady('node')).toEqual({ node: { status: 'up' } });
  expect(await push.isDelivering('log')).toEqual({ log: { status: 'up', detail: expect.any(String) } });
});

describe('The page about deploying', () => {
  const page = () => readFile('libs/push/docs/deploying.md', 'utf8');

  it('has the health module that these tests use', async () => {
    expect(await page()).toContain(await readFile('test/support/health-example.ts', 'utf8'));
  });

  it('has a recipe for Kubernetes whose probes this module answers, and which waits for the whole shutdown', async () => {
    const [, recipe = ''] = /^```yaml\n(# A Deployment[\s\S]*?)^```/m.exec(await page()) ?? [];
    const app = await start('express');
    const probes = [...recipe.matchAll(/(\w+)Probe:\n\s+httpGet: \{ path: (\S+), port: 3000 \}/g)];
    expect(probes.map(([, name]) => name)).toEqual(['startup', 'liveness', 'readiness']);
    for (const [, , path] of probes) expect((await ask(app, path!)).status).toBe(200);
    const seconds = (pattern: RegExp) => Number(pattern.exec(recipe)![1]);
    const grace = seconds(/terminationGracePeriodSeconds: (\d+)/);
    expect(grace).toBeGreaterThan(seconds(/preStop: \{ sleep: \{ seconds: (\d+) \} \}/) + 5);
  });
});
