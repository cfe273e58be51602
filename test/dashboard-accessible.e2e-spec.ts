import type { Browser } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { DashboardPage } from './support/dashboard-page.js';
import { dashboardOf, reader, startShop } from './support/dashboard-shop.js';
import { openStream } from './support/sse-reader.js';
import { connectWs } from './support/ws-client.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(300_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

/** Every section, empty and full, at 360 pixels and on a desktop: the rules that it breaks, and what does not fit. */
async function brokenRules(colorScheme: 'light' | 'dark'): Promise<void> {
  const app = await startShop();
  const dashboard = await DashboardPage.open(browser, dashboardOf(app), {
    colorScheme,
    reducedMotion: 'reduce',
  });
  const { page } = dashboard;
  const broken: string[] = [];
  const check = async (fragment: string, shown: string) => {
    await page.goto(dashboardOf(app, fragment));
    await page.locator(shown).first().waitFor();
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      const found = (await dashboard.violations()).map((violation) => `${fragment} ${width}: ${violation}`);
      broken.push(...found);
      expect([fragment, width, await dashboard.overflow()]).toEqual([fragment, width, 0]);
    }
  };
  await check('#topics', '#topics-table .empty');
  await check('#tail', '#tail-empty');
  const long = `orders.${'long'.repeat(40)}`;
  await reader(app, 'a name that is longer than any name should be in a small window', 'orders.1', long);
  await app.bus.publish('orders.1', { text: 'x'.repeat(3_000) });
  await app.bus.publish(long, 1);
  await openStream(app.url('/push/events?topic=orders.1&name=ben'));
  await connectWs(app.webSocketUrl()).untilClosed();
  await page.goto(dashboardOf(app, '#overview'));
  await page.locator('#figures summary').click();
  await check('#overview', '#refused-table tbody tr');
  await check('#nodes', '#nodes-table tbody tr');
  await check('#connections', '#connections-table tbody tr .tags');
  await check('#topics?topic=orders.1', '#topic-events details');
  await check('#tail?pattern=orders.>', '#tail-events, #tail-empty');
  await check('#publish', '#publish-form');
  expect(broken).toEqual([]);
  expect(dashboard.record.errors).toEqual([]);
}

describe('The page of the dashboard', () => {
  it('all of it can be used with the keyboard alone', async () => {
    const app = await startShop();
    const ann = await reader(app, 'ann', 'orders.9');
    const dashboard = await DashboardPage.open(browser, dashboardOf(app));
    const { page } = dashboard;
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    const focused = () =>
      page.evaluate<string>(
        '(({ innerText, name, tagName }) => name || innerText || tagName)(document.activeElement)',
      );
    const tabTo = async (name: RegExp) => {
      for (let presses = 0; presses < 60 && !name.test(await focused()); presses++) await press('Tab');
      expect(await focused()).toMatch(name);
    };
    await press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.reload();
    await dashboard.isLive();
    await tabTo(/^Connections/);
    await press('Enter');
    expect(await focused()).toBe('Connections');
    await dashboard.row('Connections', 'ann').waitFor();
    await tabTo(/^user$/);
    await page.keyboard.type('ann');
    await dashboard.shows(/^1 of \d+ connections\.$/);
    await tabTo(/^[\w-]{10}$/);
    await press('Enter');
    await dashboard.row('Connections', 'Position in the log').waitFor();
    await press('Tab');
    await press('Enter');
    await page.getByRole('article', { name: 'orders.9' }).waitFor();
    expect(await focused()).toMatch(/^(Topics|orders\.9)$/);
    await tabTo(/^Publish to it$/);
    await press('Enter');
    await tabTo(/^data$/);
    await page.keyboard.type('{"by":"keys"}');
    await press('Control+Enter');
    await dashboard.shows(/Published to orders\.9 with the id /);
    expect(await ann.untilData(1)).toEqual([{ by: 'keys' }]);
  });

  it.each(['light', 'dark'] as const)('has every section accessible, and in its place, in %s', brokenRules);
});
