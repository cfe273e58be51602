import type { Browser as Chromium } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { launchChromium } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { launchFirefox } from './support/firefox.js';
import { LateBalancer } from './support/late-balancer.js';
import { NativeSources, type NativeSource } from './support/native-sources.js';
import { NewsProcess } from './support/news-process.js';
import { startNginx } from './support/nginx.js';
import { freePort } from './support/free-port.js';
import { startRedis } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

// Two browsers, on a machine that is busy.
import.meta.jest.setTimeout(180_000);

let chromium: Chromium;
let firefox: Firefox;

beforeAll(async () => {
  chromium = await launchChromium();
  firefox = await launchFirefox();
}, 120_000);

afterAll(async () => {
  await chromium?.close();
  await firefox?.close();
});

const path = '/push/events?topic=news.a';

/** A page at `url` in each of the browsers. */
async function openPages(url: string): Promise<NativeSources[]> {
  const context = await chromium.newContext();
  afterTest(() => context.close());
  const [here, there] = [await context.newPage(), await firefox.newPage()];
  afterTest(() => there.close());
  for (const page of [here, there]) await page.goto(url);
  return [new NativeSources(here), new NativeSources(there)];
}

async function all(pages: readonly NativeSources[]): Promise<NativeSource[]> {
  return (await Promise.all(pages.map((page) => page.seen()))).flat();
}

const areOpen = async (pages: readonly NativeSources[]) =>
  (await all(pages)).every(({ state }) => state === 1);

let numbers = 0;

/** Publishes the next numbers, and waits until all sources have the last one; returns it. */
async function catchUp(node: NewsProcess, pages: readonly NativeSources[]): Promise<number> {
  for (let count = 0; count < 3; count++) await node.ask('say', { topic: 'news.a', data: ++numbers });
  await eventually(async () => (await all(pages)).every(({ data }) => data.at(-1) === numbers));
  return numbers;
}

/** None is closed for good, and each gets everything from its first number to the last. */
async function expectAlive(node: NewsProcess, pages: readonly NativeSources[]): Promise<void> {
  const last = await catchUp(node, pages);
  const sources = await all(pages);
  expect(sources.map(({ state }) => state)).not.toContain(2);
  for (const { data } of sources) {
    const first = data[0] as number;
    expect(data).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index));
  }
}

describe('Native EventSources in Chromium and Firefox', () => {
  it('live through a rolling deploy whose balancer notices late, and miss nothing', async () => {
    const redis = await startRedis();
    afterTest(() => redis.dispose());
    const push = { retry: 200, shutdownDelay: 6_000 };
    const start = () => NewsProcess.start({ redis: redis.port, push });
    let nodes = [await start(), await start()];
    const balancer = await LateBalancer.start(...nodes.map(({ port }) => port));
    const pages = await openPages(balancer.url);
    for (const page of pages) await page.open(path, 2);
    await eventually(() => areOpen(pages));
    await catchUp(nodes[0]!, pages);
    for (let deploy = 0; deploy < 2; deploy++) {
      const [oldest, other] = nodes;
      const newest = await start();
      nodes = [other!, newest];
      const refusals = balancer.refusals;
      oldest!.child.process.kill('SIGTERM');
      // The balancer still sends newcomers there, half of them: they are told to come back.
      await eventually(async () => {
        for (const page of pages) {
          await page.close(1);
          await page.open(path, 1);
        }
        await eventually(() => areOpen(pages));
        return balancer.refusals > refusals;
      });
      balancer.pointTo(...nodes.map(({ port }) => port));
      await oldest!.child.untilExit();
      await eventually(() => areOpen(pages));
      await expectAlive(newest, pages);
    }
    expect(balancer.failures).toBe(0);
  });

  it('go on to a node that comes later, over connections that have an age, and miss nothing', async () => {
    const redis = await startRedis();
    afterTest(() => redis.dispose());
    const push = { heartbeat: 300, limits: { connectionAge: 600 } };
    const start = () => NewsProcess.start({ redis: redis.port, push });
    const first = await start();
    // It gives each new TCP connection to the next node, whatever is asked for over it.
    const balancer = await TcpProxy.start(first.port);
    afterTest(() => balancer.dispose());
    const pages = await openPages(`http://127.0.0.1:${balancer.port}`);
    for (const page of pages) await page.open(path, 4);
    await eventually(() => areOpen(pages));
    await catchUp(first, pages);
    const second = await start();
    balancer.pointTo(first.port, second.port);
    const share = async (node: NewsProcess) =>
      ((await node.ask('stats', {})) as { connections: number }).connections;
    for (const node of [second, first, second])
      await eventually(async () => {
        await catchUp(first, pages);
        return (await share(node)) >= 4;
      });
    await expectAlive(first, pages);
    expect((await all(pages)).flatMap(({ errors }) => errors)).toEqual([]);
  });

  it('live through the moment in which nginx finds nobody, by the documented configuration', async () => {
    const redis = await startRedis();
    afterTest(() => redis.dispose());
    const ports = [await freePort(), await freePort()];
    const start = () =>
      Promise.all(ports.map((port) => NewsProcess.start({ redis: redis.port, port, push: { retry: 200 } })));
    const nodes = await start();
    const url = `http://127.0.0.1:${await startNginx(ports)}`;
    const pages = await openPages(url);
    for (const page of pages) await page.open(path, 3);
    await eventually(() => areOpen(pages));
    await catchUp(nodes[0]!, pages);
    for (const node of nodes) node.child.process.kill('SIGTERM');
    for (const node of nodes) await node.child.untilExit();
    // Each of them asks in vain, and is told so by nginx.
    await eventually(async () => (await all(pages)).every(({ errors }) => errors.includes('UNAVAILABLE')));
    expect((await all(pages)).map(({ state }) => state)).not.toContain(2);
    // Who is no EventSource has the status.
    const statuses = { accept: 'text/event-stream', 'push-refusals': 'status' };
    for (const headers of [{}, statuses]) expect((await fetch(url + path, { headers })).status).toBe(502);
    const post = { method: 'POST', headers: { accept: 'text/event-stream' }, body: '{}' };
    expect((await fetch(`${url}/push/publish`, post)).status).toBe(502);
    const origin = { accept: 'text/event-stream', origin: 'https://a.example' };
    const foreign = await fetch(url + path, { headers: origin });
    expect(foreign.headers.get('access-control-allow-origin')).toBe('https://a.example');
    expect([foreign.status, foreign.headers.get('cache-control')]).toEqual([200, 'no-store, no-transform']);
    const [newest] = await start();
    // nginx itself takes a server that has failed for lost, for ten seconds.
    await eventually(() => areOpen(pages));
    await expectAlive(newest!, pages);
  });

  it.each(['connections', 'connectionsPerAddress'])(
    'wait for room where there is none: limits.%s',
    async (limit) => {
      const node = await NewsProcess.start({ push: { retry: 200, limits: { [limit]: 4 } } });
      const pages = await openPages(`http://127.0.0.1:${node.port}`);
      for (const page of pages) await page.open(path, 2);
      await eventually(() => areOpen(pages));
      for (const page of pages) await page.open(path, 1);
      const refused = async () =>
        (await Promise.all(pages.map((page) => page.seen()))).map((seen) => seen.at(-1)!);
      await eventually(async () => (await refused()).every(({ errors }) => errors.length > 1));
      for (const page of pages) await page.close(1);
      await eventually(() => areOpen(pages));
      await expectAlive(node, pages);
    },
  );
});
