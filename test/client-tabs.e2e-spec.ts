import type { Browser, BrowserContext } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { startSite } from './support/client-site.js';
import { Tab } from './support/client-tab.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(60_000);

let browser: Browser;
let app: RunningApp;
let context: BrowserContext;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  app = await startSite();
  context = await browser.newContext();
  afterTest(() => context.close());
});

/** Tabs that read `news.*`, the first of which leads. */
async function openTabs(count: number): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (let index = 0; index < count; index++) {
    const tab = await Tab.open(context, app.url('/'));
    await tab.read('news.*');
    tabs.push(tab);
  }
  return tabs;
}

function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Publishes numbers while something happens; resolves with the last. */
async function publishDuring(happening: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = happening.finally(() => (isOver = true));
  let last = 0;
  for (let more = 20; more > 0; more -= isOver ? 1 : 0) {
    await app.bus.publish('news.a', ++last);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await over;
  return last;
}

/** That each of them has handled all numbers, once and in order. */
async function expectAll(tabs: readonly Tab[], last: number): Promise<void> {
  for (const tab of tabs) {
    expect(await tab.handled(last)).toEqual(numbers(last));
    expect(await tab.seen()).toMatchObject({ status: 'live', gaps: [], errors: [] });
  }
  await eventually(() => app.bus.stats().connections === 1);
}

describe('The tabs of a browser', () => {
  it('share one connection, with what each of them wants', async () => {
    const tabs = await openTabs(3);
    const [first, second, third] = tabs as [Tab, Tab, Tab];
    await second.read('sport');
    await third.read('sport');
    expect(app.bus.stats()).toMatchObject({ connections: 1, subscriptions: 2 });
    await app.bus.publish('sport', 'goal');
    await app.bus.publish('news.a', 1);
    expect(await first.handled(1)).toEqual([1]);
    for (const tab of [second, third]) expect(await tab.handled(2)).toEqual(['goal', 1]);

    await second.stop('sport');
    await app.bus.publish('sport', 'second goal');
    expect(await third.handled(3)).toEqual(['goal', 1, 'second goal']);
    expect(app.bus.stats()).toMatchObject({ connections: 1, subscriptions: 2 });
    // Whoever closes gives up what only it wanted.
    await third.page.close();
    await eventually(() => app.bus.stats().subscriptions === 1);
    expect(await second.handled(2)).toEqual(['goal', 1]);
  });

  it.each([
    ['closes', (tab: Tab) => tab.page.close()],
    ['crashes', (tab: Tab) => tab.crash()],
    ['goes to another site', async (tab: Tab) => void (await tab.page.goto('about:blank'))],
  ])('go on when the leading one %s', async (_, end) => {
    const tabs = await openTabs(3);
    const last = await publishDuring(
      (async () => {
        await tabs[1]!.handled(5);
        await end(tabs[0]!);
        await tabs[1]!.handled(60);
        await end(tabs[1]!);
        await tabs[2]!.handled(120);
      })(),
    );
    await expectAll([tabs[2]!], last);
  });

  it('go on when the leading one is frozen, and so does that one when it is thawed', async () => {
    const tabs = await openTabs(2);
    const [first, second] = tabs as [Tab, Tab];
    const last = await publishDuring(
      (async () => {
        await second.handled(5);
        await first.lifecycle('frozen');
        await second.handled(80);
        await first.lifecycle('active');
        await first.handled(100);
      })(),
    );
    await expectAll(tabs, last);
  });

  it('depose a leading one that hangs, which follows when it is back', async () => {
    const tabs = await openTabs(2);
    const [first, second] = tabs as [Tab, Tab];
    const last = await publishDuring(
      (async () => {
        await second.handled(5);
        const hanging = first.page.evaluate(() => {
          for (const end = Date.now() + 9_000; Date.now() < end;);
        });
        const { length } = await second.handled(0);
        await second.handled(length + 300);
        await hanging;
      })(),
    );
    await expectAll(tabs, last);
  });

  it('of another browser profile have a connection of their own', async () => {
    await openTabs(2);
    const other = await browser.newContext();
    afterTest(() => other.close());
    await (await Tab.open(other, app.url('/'))).read('news.*');
    expect(app.bus.stats().connections).toBe(2);
  });
});
