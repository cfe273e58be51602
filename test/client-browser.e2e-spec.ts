import type { Browser, BrowserContext } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { topicsRead } from './support/client-app.js';
import { startSite } from './support/client-site.js';
import { Tab } from './support/client-tab.js';
import { launchFirefox } from './support/firefox.js';
import { HttpProxy } from './support/http-proxy.js';
import type { RunningApp } from './support/start-app.js';
import { tabScenarios } from './support/tab-scenarios.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { together, type Scenario } from './support/together.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);
const patience = 120_000;

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

async function publish(app: RunningApp, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number++) await app.bus.publish('news.a', number);
}

/** What may happen to a page that reads `news.*`, each with a server and a browser profile of its own. */
const fates: Record<string, (app: RunningApp, context: BrowserContext) => Promise<void>> = {
  async 'a page is offline for 30 s'(app, context) {
    const tab = await Tab.open(context, app.url('/'));
    await tab.read('news.*');
    await publish(app, 1, 3);
    await tab.handled(3);
    await context.setOffline(true);
    await tab.untilStatus('waiting');
    await eventually(() => app.bus.stats().connections === 0);
    for (let number = 4; number < 34; number++) {
      await publish(app, number, number);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    await context.setOffline(false);
    expect(await tab.handled(33)).toEqual(numbers(33));
    await tab.untilStatus('websocket');
    expect((await tab.seen()).gaps).toEqual([]);
  },

  async 'a page has WebSockets blocked by a proxy, for a while'(app, context) {
    const proxy = await HttpProxy.start(app.port);
    proxy.upgrades = 'refuse';
    const tab = await Tab.open(context, proxy.url, { upgradeAfter: 1_000 });
    await tab.read('news.*');
    expect(await tab.seen()).toMatchObject({ transport: 'sse' });
    await publish(app, 1, 5);
    await tab.handled(5);
    proxy.upgrades = 'pass';
    for (let number = 6; (await tab.seen()).transport !== 'websocket' || number < 20; number++) {
      await publish(app, number, number);
    }
    const { head } = app.bus.stats().positions;
    await publish(app, Number(head.split('-')[1]) + 1, 1_000);
    expect(await tab.handled(1_000)).toEqual(numbers(1_000));
  },

  async 'a page has its server killed and started anew'(app, context) {
    const proxy = await TcpProxy.start(app.port);
    const tab = await Tab.open(context, `http://127.0.0.1:${proxy.port}`);
    await tab.read('news.*');
    await publish(app, 1, 3);
    await tab.handled(3);
    proxy.refuse();
    await tab.untilStatus('waiting');
    const other = await startSite();
    proxy.heal();
    proxy.pointTo(other.port);
    await tab.untilStatus('live');
    await eventually(() => other.bus.stats().subscriptions === 1);
    await publish(other, 4, 5);
    expect(await tab.handled(5)).toEqual(numbers(5));
    expect((await tab.seen()).gaps).toEqual(['epoch news.*']);
    await tab.page.close();
    await proxy.dispose();
  },

  async 'a page is left and come back to'(app, context) {
    const tab = await Tab.open(context, app.url('/'));
    await tab.read('news.*');
    await publish(app, 1, 3);
    await tab.handled(3);
    await tab.page.goto('about:blank');
    await eventually(() => app.bus.stats().connections === 0);
    await publish(app, 4, 6);
    // There is no `load` to wait for.
    await tab.page.goBack({ waitUntil: 'commit' });
    // The very page, from the back/forward cache: what it has handled is still there.
    expect(await tab.handled(6)).toEqual(numbers(6));
  },

  // As Safari does at times: the page is hidden, kept, and shown, and nothing else is said.
  async 'a page is hidden, and only shown again'(app, context) {
    const tab = await Tab.open(context, app.url('/'));
    await tab.read('news.*');
    await publish(app, 1, 3);
    await tab.handled(3);
    await tab.page.evaluate("void dispatchEvent(new Event('pagehide'))");
    await eventually(() => app.bus.stats().connections === 0);
    await publish(app, 4, 6);
    await tab.page.evaluate("void document.dispatchEvent(new Event('visibilitychange'))");
    expect(await tab.handled(6)).toEqual(numbers(6));
    expect((await tab.seen()).gaps).toEqual([]);
  },

  // A headless browser never hides a page, and so never says this itself.
  async 'a page is told that it is frozen, and thawed'(app, context) {
    const tab = await Tab.open(context, app.url('/'));
    await tab.read('news.*');
    await publish(app, 1, 3);
    await tab.handled(3);
    await tab.page.evaluate("document.dispatchEvent(new Event('freeze'))");
    await eventually(() => app.bus.stats().connections === 0);
    await publish(app, 4, 6);
    await tab.page.evaluate("document.dispatchEvent(new Event('resume'))");
    expect(await tab.handled(6)).toEqual(numbers(6));
  },

  async 'a page is reloaded, and keeps its place in `sessionStorage`'(app, context) {
    const tab = await Tab.open(context, app.url('/'), {}, true);
    await tab.read('news.*');
    await publish(app, 1, 3);
    await tab.handled(3);
    await tab.page.goto('about:blank');
    await publish(app, 4, 6);
    await tab.page.goto(app.url('/'));
    await tab.connect({}, true);
    await tab.read('news.*');
    expect(await tab.handled(3)).toEqual([4, 5, 6]);
  },

  async 'a page is not allowed to use Web Locks'(app, context) {
    await context.addInitScript(
      "navigator.locks.request = () => Promise.reject(new DOMException('Sandboxed', 'SecurityError'))",
    );
    for (let tabs = 1; tabs < 3; tabs++) {
      await (await Tab.open(context, app.url('/'))).read('news.*');
      // On a busy machine the other tab may just be coming back from a heartbeat that was late.
      await eventually(() => app.bus.stats().connections === tabs);
    }
  },

  async 'pages that share a connection each hold the state of the same topics'(app, context) {
    await app.bus.publish('board.1', 'a');
    await app.bus.publish('board.2', 'b');
    const tabs = [await Tab.open(context, app.url('/')), await Tab.open(context, app.url('/'))];
    const shows = (tab: Tab, ...expected: string[]) =>
      tab.page.waitForFunction(`JSON.stringify(window.shown) === '${JSON.stringify(expected)}'`);
    for (const tab of tabs)
      await tab.page.evaluate(`
        void import('/client/state.js').then(async ({ stateOf }) => {
          for await (const state of stateOf(window.push, 'board.*'))
            window.shown = [...state].map((entry) => entry.join(' ')).sort();
        })`);
    for (const tab of tabs) await shows(tab, 'board.1 a', 'board.2 b');
    await eventually(() => app.bus.stats().connections === 1);
    await app.bus.remove('board.1');
    await app.bus.publish('board.3', 'c');
    for (const tab of tabs) await shows(tab, 'board.2 b', 'board.3 c');
    await tabs[0]!.page.close();
    await app.bus.remove('board.2');
    await app.bus.publish('board.3', 'd');
    await shows(tabs[1]!, 'board.3 d');
  },

  async 'pages that share a connection are each told of an end, and ask no more'(_app, context) {
    const access = 'public' as const;
    const topics = [
      { pattern: 'runs.*', access, finite: true },
      { pattern: '>', access },
    ];
    const app = await startSite({ topics });
    const open = async () => {
      const tab = await Tab.open(context, app.url('/'));
      await tab.read('news.*');
      await tab.page.evaluate(`
        void (async () => {
          const events = window.push.events('runs.1', { from: 'start' });
          const got = [];
          for await (const { data } of events) got.push(data);
          window.told = [...got, events.ended.reason].join(' ');
        })()`);
      return tab;
    };
    const told = (tab: Tab) => tab.page.waitForFunction("window.told === 'a b cancelled'");
    const [leader, follower] = [await open(), await open()];
    await app.bus.publish('runs.1', 'a');
    await app.bus.publish('runs.1', 'b');
    await app.bus.end('runs.1', { reason: 'cancelled' });
    for (const tab of [leader, follower]) await told(tab);
    const late = await open();
    await told(late);
    await eventually(() => topicsRead(app).join() === 'news.*');
    await leader.page.close();
    await publish(app, 1, 2);
    for (const tab of [follower, late]) {
      await tab.untilLive();
      expect(await tab.handled(2)).toEqual([1, 2]);
      expect((await tab.seen()).errors).toEqual([]);
    }
    expect(topicsRead(app)).toEqual(['news.*']);
  },

  async 'a page has its client in a worker'(app, context) {
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    await page.goto(app.url('/'));
    await page.evaluate(`
      const code = \`
        import { connect } from '\${location.origin}/client/index.js';
        connect('\${location.origin}/push').on('news.*', (data) => postMessage(data)).live.then(() => postMessage('live'));
      \`;
      const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { type: 'module' });
      window.handled = [];
      worker.onmessage = ({ data }) => window.handled.push(data)`);
    await page.waitForFunction("window.handled[0] === 'live'");
    await publish(app, 1, 3);
    await page.waitForFunction('window.handled.length === 4');
  },
};

/** Firefox has its own idea of locks, channels and streams. */
async function inFirefox(): Promise<void> {
  const app = await startSite();
  const firefox = await launchFirefox();
  afterTest(() => firefox.close());
  const open = async (options: object) => {
    const page = await firefox.newPage();
    page.setDefaultTimeout(patience);
    await page.goto(app.url('/'));
    await page.waitForFunction("'connect' in window");
    await page.evaluate(`
      window.handled = [];
      window.push = window.connect('/push', ${JSON.stringify(options)});
      window.push.on('news.*', (data) => window.handled.push(data)).live`);
    const handled = async (count: number) => {
      await page.waitForFunction(`window.handled.length >= ${count}`);
      return (await page.evaluate('window.handled')) as number[];
    };
    return { page, handled };
  };
  const tabs = [await open({}), await open({}), await open({})];
  await eventually(() => app.bus.stats().connections === 1);
  await publish(app, 1, 5);
  await tabs[2]!.handled(5);
  const closing = tabs[0]!.page.close();
  await publish(app, 6, 200);
  await closing;
  await publish(app, 201, 210);
  for (const tab of tabs.slice(1)) expect(await tab.handled(210)).toEqual(numbers(210));
  const other = await open({ transports: ['sse'] });
  await publish(app, 211, 213);
  expect(await other.handled(3)).toEqual([211, 212, 213]);
  await eventually(() => app.bus.stats().connections === 2);
}

function inChromium(fate: (typeof fates)[string]): Scenario {
  return async () => {
    const context = await browser.newContext();
    afterTest(() => context.close());
    await fate(await startSite(), context);
  };
}

describe('Pages and tabs', () => {
  it('miss nothing, and handle nothing twice, whatever becomes of them', async () => {
    const [patience, ...rest] = Object.entries(fates).map(
      ([name, fate]) => [name, inChromium(fate)] as const,
    );
    expect(
      await together(
        Object.fromEntries([patience!]),
        Object.fromEntries(rest),
        { 'tabs are in Firefox': inFirefox },
        ...tabScenarios(browser),
      ),
    ).toEqual([]);
  });
});
