import type { Browser } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { DashboardPage } from './support/dashboard-page.js';
import { dashboardOf, startShop } from './support/dashboard-shop.js';
import { DeskProcess } from './support/desk-process.js';
import { startRedis } from './support/servers.js';
import { together, type Scenarios } from './support/together.js';
import { eventually } from './support/watched.js';

/*
 * The dashboard of the live desk, which runs in processes of its own: what becomes of its nodes, and the login before it. A tail
 * that is full is here too, because both wait for about ten seconds.
 */

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(300_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

const bounds: Scenarios = {
  async 'a tail keeps its newest 500 rows, and says what came too fast'() {
    const app = await startShop();
    const dashboard = await DashboardPage.open(browser, dashboardOf(app, '#tail?pattern=orders.>'));
    const rows = dashboard.page.locator('#tail-events > li');
    await eventually(async () => {
      await Promise.all(Array.from({ length: 40 }, (_, number) => app.bus.publish('orders.1', number)));
      return (await rows.count()) >= 500;
    });
    await dashboard.page
      .locator('#tail-events')
      .getByText(/came too fast to be shown/)
      .first()
      .waitFor();
    await app.bus.publish('orders.2', 'the last one');
    await rows.filter({ hasText: 'the last one' }).waitFor();
    expect(await rows.count()).toBe(500);
  },
};

const nodes: Scenarios = {
  async 'nodes are told apart that cannot deliver, that have crashed, and that have left'() {
    const redis = await startRedis();
    afterTest(() => redis.dispose());
    const environment = { REDIS_URL: `redis://127.0.0.1:${redis.port}`, DASHBOARD_PASSWORD: 'chosen' };
    const desks: DeskProcess[] = [];
    for (let count = 0; count < 3; count++) {
      const node = await DeskProcess.startWith(environment);
      afterTest(() => node.end());
      desks.push(node);
    }
    const [first, second, third] = desks as [DeskProcess, DeskProcess, DeskProcess];
    expect(await first.printed('password ')).toContain('(user push, password as in DASHBOARD_PASSWORD)');
    const dashboard = await DashboardPage.open(browser, `${first.url}/push/dashboard/#nodes`, {
      httpCredentials: { username: 'push', password: 'chosen' },
    });
    await dashboard.shows('3 nodes report.');
    await dashboard.row('Nodes', 'serves this page', /\bNode \d/).waitFor();
    const row = ({ pid }: DeskProcess) => dashboard.row('Nodes', ` · ${pid}`);
    for (const node of desks) await row(node).getByText('live', { exact: true }).waitFor();
    // Without the backplane the nodes do not hear each other, and are not taken for gone.
    await redis.kill();
    await row(first).getByText('not delivering', { exact: true }).waitFor();
    await row(second).getByText('not heard', { exact: true }).waitFor();
    await dashboard.page.locator('#pill[data-level=bad]').waitFor();
    expect(await dashboard.page.getByText('gone', { exact: true }).count()).toBe(0);
    await redis.start();
    for (const node of desks) await row(node).getByText('live', { exact: true }).waitFor();

    await second.end('SIGKILL');
    await third.end('SIGTERM');
    await row(second).getByText('gone', { exact: true }).waitFor();
    await row(second)
      .getByText(/^since \d\d:\d\d:\d\d, /)
      .waitFor();
    await row(third).getByText('left', { exact: true }).waitFor();
    await dashboard.go('Overview');
    await dashboard.shows('Delivery has 1 problem');
    await dashboard.shows(/is gone$/);
    await dashboard.shows(/has left$/);
  },
};

const desks: Scenarios = {
  async 'the desk has it behind a login that it prints, and nothing else has'() {
    const desk = await DeskProcess.start();
    afterTest(() => desk.end());
    const line = await desk.printed('password ');
    const [, user, password] = /user (\S+), password (\S+)\)/.exec(line)!;
    const get = (path: string, login?: string) =>
      fetch(`${desk.url}/push/dashboard${path}`, {
        redirect: 'manual',
        headers:
          login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      });
    for (const path of ['', '/', '/main.js', `/events?view=${'v'.repeat(24)}`])
      for (const login of [
        undefined,
        '',
        `${user}:`,
        `${user}:${password}x`,
        `x:${password}`,
        `${user}:${password!.slice(1)}`,
      ]) {
        const answer = await get(path, login);
        expect([path, login, answer.status]).toEqual([path, login, 401]);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
        await answer.body?.cancel();
      }
    const page = await get('/', `${user}:${password}`);
    expect(page.status).toBe(200);
    expect(password).toMatch(/^[\w-]{24}$/);
    expect(await page.text()).not.toContain(password);
    const other = await DeskProcess.start();
    afterTest(() => other.end());
    expect(await other.printed('password ')).not.toContain(password);
    const dashboard = await DashboardPage.open(browser, `${desk.url}/push/dashboard`, {
      httpCredentials: { username: user!, password: password! },
    });
    await dashboard.shows('Delivery is healthy');
    await dashboard.page
      .locator('#chart-published')
      .getByText(/^stored [1-9.]/)
      .waitFor();
    expect(dashboard.record.errors).toEqual([]);
    expect(dashboard.record.requests.filter((url) => !url.startsWith(`${desk.url}/push/dashboard`))).toEqual(
      [],
    );
    // The page does not go on trying with a login that has another password now.
    await desk.end();
    const next = await desk.restart();
    afterTest(() => next.end());
    await dashboard.page.getByRole('button', { name: 'Reload the page' }).waitFor();
    await dashboard.shows(/does not know your login any more/);
  },
};

describe('The page of the dashboard', () => {
  // Both wait for something for ten seconds.
  it('says what has become of nodes, and keeps to its bounds', async () => {
    expect(await together(nodes, bounds)).toEqual([]);
  });

  it.each(Object.entries(desks))('%s', (_, scenario) => scenario());
});
