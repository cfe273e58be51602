import type { Browser } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { DashboardPage } from './support/dashboard-page.js';
import { dashboardOf, reader, startShop } from './support/dashboard-shop.js';
import { openSse } from './support/sse-reader.js';
import type { Scenarios } from './support/together.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(300_000);

/** Markup that would show, or do, what it should not. */
const hostile = '<img/src=x/onerror="document.body.dataset.hurt=1"><b>bold</b>';
const hostileTopic = 'orders.<img/src=x/onerror=document[`body`][`dataset`][`hurt`]=1//';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

const ofAShop: Scenarios = {
  async 'clients are seen as they come and go, with their topics, and are filtered'() {
    const app = await startShop();
    const ann = await reader(app, 'ann', 'orders.1', 'prices.*');
    await reader(app, 'ben', 'orders.2', 'orders.3', 'orders.4', 'orders.5', 'orders.6');
    const dashboard = await DashboardPage.open(browser, dashboardOf(app));
    const { page } = dashboard;
    await page.locator('#chart-connections').getByText('websocket 2').waitFor();
    await dashboard.go('Connections');
    await dashboard.row('Connections', 'ann', 'websocket', '127.0.0.1', 'prices.*').waitFor();
    await dashboard.row('Connections', 'ben', '2 more').waitFor();

    await page.getByLabel('User').fill('an');
    await dashboard.shows(/^1 of \d+ connections\.$/);
    await dashboard.row('Connections', 'ben').waitFor({ state: 'detached' });
    await page.getByLabel('User').fill('');
    // What the client reads overlaps what is asked for.
    await page.getByRole('textbox', { name: 'Topic', exact: true }).fill('*.6');
    await dashboard.row('Connections', 'ann').waitFor({ state: 'detached' });
    const ben = dashboard.row('Connections', 'ben');
    await ben.waitFor();
    expect(page.url()).toContain('#connections?topic=*.6');
    await ben.getByRole('button').click();
    expect(await ben.getByRole('button').getAttribute('aria-expanded')).toBe('true');
    await dashboard.row('Connections', 'Position in the log', 'orders.6').waitFor();

    await page.getByRole('button', { name: 'Clear' }).click();
    await dashboard.row('Connections', 'ann').waitFor();
    await page.getByLabel('Transport').selectOption('sse');
    await dashboard.row('Connections', 'ann').waitFor({ state: 'detached' });
    await page.getByLabel('Transport').selectOption('websocket');
    await dashboard.row('Connections', 'ann').waitFor();
    ann.socket.terminate();
    await dashboard.row('Connections', 'ann').waitFor({ state: 'detached' });
    await page.getByLabel('Address').fill('192.0.2.1');
    await dashboard.shows(/^No connection matches\./);
    expect(dashboard.record.errors).toEqual([]);
  },

  async 'who is refused is counted, with the reason and what it means'() {
    const app = await startShop();
    const dashboard = await DashboardPage.open(browser, dashboardOf(app));
    await dashboard.shows('Delivery is healthy');
    await dashboard.shows('No client and no message was refused in the last ten minutes.');
    await connectWs(app.webSocketUrl()).untilClosed();
    expect((await openSse(app.url('/push/events?topic=orders.1'))).status).toBe(401);
    const ann = await openWs(`${app.webSocketUrl()}?name=ann`);
    expect(await ann.ask('subscribe', { topics: ['secret.1'] })).toMatchObject({ code: 'FORBIDDEN' });
    const refused = (code: string, meaning: RegExp) =>
      dashboard.row('What was refused, by code', code, meaning, /[1-9]/).waitFor();
    await refused('UNAUTHENTICATED', /No valid login/);
    await refused('FORBIDDEN', /No rule or policy grants the topic/);
    await dashboard.shows(/refused in the last minute/);
    await dashboard.page
      .locator('#chart-refused')
      .getByText(/^FORBIDDEN [1-9]/)
      .waitFor();
    // It says so, and is no fault of delivery.
    await dashboard.shows('Delivery is healthy');
  },

  async 'a tail shows events as they are published, waits while it is paused, and shows text as text'() {
    const app = await startShop();
    const dashboard = await DashboardPage.open(browser, dashboardOf(app, '#tail'));
    const { page } = dashboard;
    await page.getByLabel('Topic or pattern').fill('orders.>');
    await page.getByRole('button', { name: 'Start' }).click();
    const events = page.getByRole('list', { name: 'Events, newest first' }).getByRole('listitem');
    // From now on, which is when the node has heard of it.
    await eventually(async () => {
      await app.bus.publish('orders.0', 'first');
      return (await events.count()) > 0;
    });
    await app.bus.publish(hostileTopic, { text: hostile }, { type: hostile.slice(0, 40) });
    const row = events.filter({ hasText: hostileTopic });
    await row.waitFor();
    await row.locator('summary').click();
    expect(await row.locator('pre').innerText()).toBe(JSON.stringify({ text: hostile }, null, 2));

    await page.getByRole('button', { name: 'Pause' }).click();
    const before = await events.count();
    for (const number of [1, 2, 3]) await app.bus.publish('orders.7', { number });
    await dashboard.shows('Paused: 3 events since then.');
    expect(await events.count()).toBe(before);
    await page.getByRole('button', { name: 'Resume' }).click();
    await events.filter({ hasText: '{"number":3}' }).waitFor();
    expect(await events.first().innerText()).toContain('{"number":3}');
    // It goes on in other sections.
    await dashboard.go('Topics');
    await app.bus.publish('orders.8', { late: true });
    await dashboard.row('Topics', hostileTopic).waitFor();
    await dashboard.row('Topics', hostileTopic).getByRole('link').click();
    await page.getByRole('heading', { level: 3, name: hostileTopic }).waitFor();
    await page.locator('#topic-events').getByText('<b>bold</b>').waitFor();
    await dashboard.go('Tail');
    await events.filter({ hasText: '{"late":true}' }).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    expect(await page.locator('body').getAttribute('data-hurt')).toBeNull();
    expect(await page.locator('main img, main b').count()).toBe(0);
    expect(dashboard.record.errors).toEqual([]);
  },

  async 'a topic has its retention, newest events, presence and snapshot'() {
    const app = await startShop();
    for (let number = 1; number <= 12; number++) await app.bus.publish('orders.42', { number });
    await app.bus.publish('prices.gold', 7);
    const ann = await reader(app, 'ann', 'orders.42');
    const dashboard = await DashboardPage.open(browser, dashboardOf(app, '#topics'));
    const { page } = dashboard;
    await dashboard.row('Topics', 'orders.42', '12', 'orders.>').getByRole('link').click();
    const details = page.getByRole('article', { name: 'orders.42' });
    for (const text of [
      '100 events, for 1 d',
      'loaded by a @PushSnapshot() method',
      '{"number":12}',
      '{"number":3}',
    ])
      await details.getByText(text, { exact: true }).waitFor();
    await details.getByText('1 user with 1 client.').waitFor();
    await details.getByText('ann', { exact: true }).waitFor();
    expect(await details.getByText('{"number":2}', { exact: true }).count()).toBe(0);
    await app.bus.publish('orders.42', { number: 13 });
    await details.getByText('{"number":13}').waitFor();
    ann.socket.terminate();
    await details.getByText('Nobody is here.').or(details.getByText('0 users with 0 clients.')).waitFor();
    await page.getByLabel('Topic, pattern or part of a name').fill('gold');
    await dashboard.row('Topics', 'orders.42').waitFor({ state: 'detached' });
    await dashboard.row('Topics', 'prices.gold').getByRole('link').click();
    await page.getByText('state: the newest event counts').waitFor();
    // A topic that has no events has its rule all the same.
    await page.getByLabel('Topic, pattern or part of a name').fill('orders.none');
    await page.getByRole('button', { name: 'Look at it' }).click();
    await page.getByRole('article', { name: 'orders.none' }).getByText('No events are kept.').waitFor();
  },

  async 'a test event is published to clients, and what is wrong with one is told'() {
    const app = await startShop();
    const ann = await reader(app, 'ann', 'orders.9');
    const dashboard = await DashboardPage.open(browser, dashboardOf(app, '#publish'));
    const { page } = dashboard;
    const publish = async (topic: string, data: string) => {
      await page.getByRole('textbox', { name: 'Topic', exact: true }).fill(topic);
      await page.getByLabel('Data, as JSON').fill(data);
      await page.getByRole('button', { name: 'Publish' }).click();
    };
    await publish('orders.9', '{"by": ');
    await dashboard.shows(/That is no JSON/);
    expect(await page.getByLabel('Data, as JSON').getAttribute('aria-invalid')).toBe('true');
    await publish('$presence.orders', '1');
    await dashboard.shows(/Not published\. (FORBIDDEN|INVALID_TOPIC)/);
    await page.getByLabel('Type').fill('tried');
    await publish('orders.9', '{"by": "the operator"}');
    await dashboard.shows(/Published to orders\.9 with the id /);
    expect(await ann.untilData(1)).toEqual([{ by: 'the operator' }]);
    expect(ann.all('message')[0]).toMatchObject({ topic: 'orders.9', type: 'tried' });
    await dashboard.row('Events published from this page, newest first', 'orders.9').waitFor();
  },

  async 'a connection that is lost comes back, looks at the same, and what was missed is said'() {
    const app = await startShop();
    const dashboard = await DashboardPage.open(browser, dashboardOf(app, '#tail?pattern=orders.>'));
    const { page } = dashboard;
    const events = page.locator('#tail-events');
    await eventually(async () => {
      await app.bus.publish('orders.0', 'before');
      return (await events.getByText('before').count()) > 0;
    });
    await page.context().setOffline(true);
    app.cut();
    await page.locator('#feed[data-status=away]').waitFor();
    await dashboard.shows(/The connection is lost since/);
    await app.bus.publish('orders.0', 'meanwhile');
    await page.context().setOffline(false);
    await dashboard.isLive();
    await events.getByText(/what was published then is missing here/).waitFor();
    await eventually(async () => {
      await app.bus.publish('orders.0', 'after');
      return (await events.getByText('after', { exact: false }).count()) > 1;
    });
    expect(await events.getByText('meanwhile').count()).toBe(0);
    await dashboard.go('Overview');
    await dashboard.shows(/This page was not connected for/);
  },
};

describe('The page of the dashboard', () => {
  it.each(Object.entries(ofAShop))('%s', (_, scenario) => scenario());
});
