import { Controller, Get, Header, Inject, Sse } from '@nestjs/common';
import { Authenticator, EventBus, PushModule, PushTopic, type TopicPolicy } from 'nestjs-push';
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { startApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

/** The page: it publishes through an outbox, and reads the board and a route. */
const script = `
  import { connect } from 'nestjs-push-client';
  import { freshnessOf, outboxOf } from 'nestjs-push-client/offline';
  import { routeOf } from 'nestjs-push-client/route';
  const errors = [];
  const options = { tabs: false, transports: [new URL(location.href).searchParams.get('by') ?? 'sse'], maxRetryDelay: 100 };
  const push = connect('/push', { ...options, onError: (error) => errors.push(String(error)) });
  const outbox = outboxOf(push, { storage: localStorage, user: 'ann' });
  const seen = [];
  const routed = [];
  const isLive = push.on('board.ann', (data) => seen.push(data)).live;
  const route = routeOf(push, '/board', { heartbeat: 5_000 });
  const isRouted = route.on((data) => routed.push(data)).live;
  const ready = navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready);
  Object.assign(window, { push, outbox, seen, routed, route, isLive, isRouted, ready, errors, freshness: freshnessOf(push, { after: 50 }) });
`;

class Everybody extends Authenticator {
  authenticate() {
    return { id: 'ann' };
  }
}

@PushTopic('board.:name')
class BoardPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

/** The worker of the README, as it stands there. */
async function worker(): Promise<string> {
  const readme = await readFile('libs/push-client/README.md', 'utf8');
  return /```js\n(\/\/ sw\.js[\s\S]*?)```/.exec(readme)![1]!;
}

async function bundle(): Promise<string> {
  const stdin = { contents: script, resolveDir: resolve('.') };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', write: false });
  return outputFiles[0]!.text;
}

/** A site behind a proxy, which can be unreachable, and what was stored there. */
async function startOffline() {
  const [sw, code] = await Promise.all([worker(), bundle()]);

  @Controller()
  class SiteController {
    constructor(@Inject(EventBus) private readonly bus: EventBus) {}

    @Get()
    @Header('content-type', 'text/html')
    page() {
      return '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/app.js"></script>';
    }

    @Get('app.js')
    @Header('content-type', 'text/javascript')
    code() {
      return code;
    }

    @Get('sw.js')
    @Header('content-type', 'text/javascript')
    worker() {
      return sw;
    }

    @Sse('board')
    board() {
      return this.bus.stream('board.ann');
    }
  }

  const app = await startApp('express', {
    controllers: [SiteController],
    providers: [BoardPolicy],
    imports: [PushModule.forRoot({ heartbeat: 5_000, retry: 50, authenticate: Everybody })],
  });
  const stored: unknown[] = [];
  app.bus.on('board.*').subscribe(({ data }) => stored.push(data));
  const proxy = await TcpProxy.start(app.port);
  afterTest(() => proxy.dispose());
  return { app, stored, proxy, url: `http://127.0.0.1:${proxy.port}/` };
}

async function openPage(url: string): Promise<Page> {
  const context = await browser.newContext();
  afterTest(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(url);
  await page.waitForFunction("'ready' in window");
  await page.evaluate('Promise.all([ready, isLive, isRouted])');
  return page;
}

describe.each(['sse', 'websocket'])('A page with an outbox and a service worker, over %s', (by) => {
  it('is reloaded offline, publishes offline, is reloaded, and everything is stored once', async () => {
    const { stored, proxy, url } = await startOffline();
    const page = await openPage(`${url}?by=${by}`);
    // The worker has the page: what comes from now on passes it.
    await page.reload();
    await page.waitForFunction('navigator.serviceWorker.controller && window.push?.status === "live"');
    await page.evaluate('Promise.all([isLive, isRouted])');
    await page.evaluate("outbox.publish('board.ann', 'online')");
    await page.waitForFunction("seen.includes('online') && routed.includes('online')");
    await page.waitForFunction('freshness.isFresh');

    proxy.refuse();
    await page.waitForFunction('push.status === "waiting" && !freshness.isFresh && freshness.since > 0');
    await page.reload();
    await page.waitForFunction("'ready' in window");
    // `undefined`: the promise of the last one would be waited for.
    await page.evaluate(
      "for (const data of ['a', 'b', 'c']) outbox.publish('board.ann', data).catch(() => 0); undefined",
    );
    await page.waitForFunction('localStorage.length === 3');
    await page.reload();
    await page.waitForFunction('window.outbox?.waiting.length === 3');
    expect(stored).toEqual(['online']);

    proxy.heal();
    await page.evaluate("outbox.publish('board.ann', 'd')");
    await page.waitForFunction('outbox.waiting.length === 0 && localStorage.length === 0');
    await eventually(() => stored.length >= 5);
    expect(stored).toEqual(['online', 'a', 'b', 'c', 'd']);
    expect(await page.evaluate('errors')).toEqual([]);
    // Streams are neither kept nor held back: the cache has the shell alone.
    const kept = await page.evaluate(
      "caches.open('shell-1').then((cache) => cache.keys()).then((keys) => keys.map(({ url }) => new URL(url).pathname))",
    );
    expect(kept).toEqual(['/', '/app.js']);
  });
});

describe('Two tabs that find the same events', () => {
  it('store each once', async () => {
    const { app, stored, proxy, url } = await startOffline();
    const first = await openPage(url);
    proxy.refuse();
    await first.waitForFunction('push.status === "waiting"');
    await first.evaluate(
      "for (let n = 0; n < 20; n++) outbox.publish('board.ann', n).catch(() => 0); undefined",
    );
    await first.waitForFunction('localStorage.length === 20');
    const second = await first.context().newPage();
    second.setDefaultTimeout(100_000);
    await second.goto(url);
    await second.waitForFunction('window.outbox?.waiting.length === 20');
    proxy.heal();
    for (const page of [first, second])
      await page.waitForFunction('outbox.events.length === 0 && localStorage.length === 0');
    await app.bus.publish('board.ann', 'last');
    await eventually(() => stored.includes('last'));
    expect(stored).toEqual([...Array.from({ length: 20 }, (_, n) => n), 'last']);
  });
});
