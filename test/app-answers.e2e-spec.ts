import type { Browser, BrowserContext, Page } from 'playwright-core';
import { wordsOf } from '../src/answers/writer.js';
import { afterTest } from './support/cleanup.js';
import { launchChromium, record, type PageRecord } from './support/chromium.js';
import { DeskProcess } from './support/desk-process.js';
import { launchFirefox } from './support/firefox.js';
import { startRedis } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(120_000);

/** Of a page. */
declare const document: { readonly documentElement: { readonly scrollWidth: number } };

/** What Chromium itself writes on the console when a server is away. */
const outage = /net::ERR_|WebSocket connection to .* failed/;

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

const whole = (question: string) =>
  wordsOf(question)
    .map(({ word }) => word)
    .join('');

async function startDesk(env: Record<string, string> = {}): Promise<DeskProcess> {
  const desk = await DeskProcess.startWith(env);
  afterTest(() => desk.end());
  return desk;
}

async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext();
  afterTest(() => context.close());
  return context;
}

/** Somebody who has opened the page, and is connected. */
class Reader {
  private constructor(
    readonly page: Page,
    readonly record: PageRecord,
  ) {}

  static async open(url: string, context?: BrowserContext): Promise<Reader> {
    const page = await (context ?? (await newContext())).newPage();
    page.setDefaultTimeout(60_000);
    const reader = new Reader(page, record(page));
    await page.goto(`${url}/write`);
    await page.locator('#connection', { hasText: /^live$/ }).waitFor();
    return reader;
  }

  async ask(question: string): Promise<void> {
    await this.page.getByLabel('Question', { exact: true }).fill(question);
    await this.page.getByLabel('Question', { exact: true }).press('Enter');
  }

  async stop(): Promise<void> {
    await this.page.getByRole('button', { name: 'Stop' }).click();
  }

  says(status: string): Promise<void> {
    return this.page.locator('#status').getByText(status).waitFor();
  }

  async text(): Promise<string> {
    return (await this.page.locator('#answer').textContent())!;
  }

  /** Resolves once so many characters are shown. */
  async shows(length: number): Promise<string> {
    await eventually(async () => (await this.text()).length >= length);
    return this.text();
  }
}

describe('The page that writes a long answer', () => {
  it('goes on over a reload, and shows the same in a second tab and in another browser', async () => {
    const desk = await startDesk();
    const [ann, context] = [await Reader.open(desk.url), await newContext()];
    await ann.ask('Why is the sky <b>blue</b>?');
    const expected = whole('Why is the sky <b>blue</b>?');
    await ann.shows(100);
    await ann.page.reload();
    const second = await Reader.open(desk.url, ann.page.context());
    const other = await Reader.open(desk.url, context);
    expect(expected.startsWith(await other.shows(150))).toBe(true);
    const progress = ann.page.getByRole('progressbar', { name: 'How much is written' });
    await eventually(async () => Number(await progress.getAttribute('value')) > 0.1);
    await ann.page.locator('#detail', { hasText: /^Paragraph \d of 6$/ }).waitFor();
    const readers = [ann, second, other];
    for (const reader of readers) await reader.says('Done.');
    const late = await Reader.open(desk.url);
    await late.says('Done.');
    for (const reader of [...readers, late]) {
      expect(await reader.text()).toBe(expected);
      expect(reader.record.errors).toEqual([]);
    }
  });

  it('is stopped from another tab by keyboard, and begins another answer', async () => {
    const desk = await startDesk();
    const [ann, ben] = [await Reader.open(desk.url), await Reader.open(desk.url)];
    await ann.ask('One');
    await Promise.all([ann.shows(50), ben.shows(50)]);
    await ben.page.getByRole('button', { name: 'Stop' }).focus();
    await ben.page.keyboard.press('Enter');
    for (const reader of [ann, ben]) await reader.says('Stopped.');
    const text = await ann.text();
    expect(await ben.text()).toBe(text);
    expect(whole('One').startsWith(text) && text.length < whole('One').length).toBe(true);
    // The keyboard goes on where it can.
    await ben.page.keyboard.type('Two');
    await ben.page.keyboard.press('Enter');
    await ann.page.locator('#question', { hasText: /^Two$/ }).waitFor();
    for (const reader of [ann, ben]) expect(whole('Two').startsWith(await reader.shows(50))).toBe(true);
    // What asks while an answer is written is given that one.
    const answer = await fetch(`${desk.url}/answers`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ question: 'Three' }),
    });
    expect(await answer.json()).toMatchObject({ question: 'Two' });
    await ann.stop();
    for (const reader of [ann, ben]) {
      await reader.says('Stopped.');
      expect(reader.record.errors).toEqual([]);
    }
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'says why it does not go on after %s and a restart, keeps its text, and begins another',
    async (signal) => {
      let desk = await startDesk();
      const ann = await Reader.open(desk.url);
      await ann.ask('Before');
      await ann.shows(80);
      await desk.end(signal);
      desk = await desk.restart();
      const last = desk;
      afterTest(() => last.end());
      // One that shuts down may still say so.
      await ann.page
        .locator('#status', { hasText: /^It does not go on: the server (began|that wrote)/ })
        .waitFor();
      expect(whole('Before').startsWith(await ann.shows(80))).toBe(true);
      await ann.page.locator('#connection', { hasText: /^live$/ }).waitFor();
      await ann.ask('After');
      await ann.page.locator('#question', { hasText: /^After$/ }).waitFor();
      await ann.says('Writing.');
      await eventually(async () => (await ann.text()) !== '' && whole('After').startsWith(await ann.text()));
      expect(ann.record.errors.filter((error) => !outage.test(error))).toEqual([]);
    },
  );

  it('is lost within the lease when its node dies and others go on', async () => {
    const redis = await startRedis();
    afterTest(() => redis.dispose());
    const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    const [one, two] = [await startDesk(env), await startDesk(env)];
    const proxy = await TcpProxy.start(one.port);
    afterTest(() => proxy.dispose());
    const [ann, ben] = [await Reader.open(`http://127.0.0.1:${proxy.port}`), await Reader.open(two.url)];
    await ann.ask('Across nodes');
    for (const reader of [ann, ben]) await reader.shows(80);
    proxy.pointTo(two.port);
    await one.end();
    for (const reader of [ann, ben])
      await reader.says('It does not go on: the server that wrote it is gone.');
    expect(await ann.text()).toBe(await ben.text());
    await ben.ask('Again');
    for (const reader of [ann, ben]) {
      await reader.page.locator('#question', { hasText: /^Again$/ }).waitFor();
      await reader.says('Writing.');
    }
    await ann.stop();
    for (const reader of [ann, ben]) await reader.says('Stopped.');
  });

  it.each(['light', 'dark'] as const)('fits a phone, %s', async (colorScheme) => {
    const desk = await startDesk();
    const reader = await Reader.open(desk.url);
    const { page } = reader;
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 360, height: 740 });
    await reader.ask('x'.repeat(200));
    await reader.shows(300);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(360);
    for (const name of ['Write', 'Stop']) {
      const button = (await page.getByRole('button', { name }).boundingBox())!;
      expect(button.x + button.width).toBeLessThanOrEqual(360);
    }
    await page.goto(desk.url);
    await page.locator('#websocket[data-state=open]').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  });

  it('works in Firefox', async () => {
    const desk = await startDesk();
    const firefox = await launchFirefox();
    afterTest(() => firefox.close());
    const page = await firefox.newPage();
    page.setDefaultTimeout(100_000);
    await page.goto(`${desk.url}/write`);
    await page.waitForFunction("document.querySelector('#connection').textContent === 'live'");
    await page.type('[name=question]', 'In Firefox');
    await page.keyboard.press('Enter');
    await page.waitForFunction("document.querySelector('#answer').textContent.length > 80");
    await page.reload();
    await page.waitForFunction("document.querySelector('#answer').textContent.length > 120");
    await page.click('[name=stop]');
    await page.waitForFunction("document.querySelector('#status').textContent === 'Stopped.'");
    const text = (await page.evaluate("document.querySelector('#answer').textContent")) as string;
    expect(whole('In Firefox').startsWith(text)).toBe(true);
  });

  it('is served with a policy that allows nothing foreign, and takes only questions', async () => {
    const desk = await startDesk();
    const answer = await fetch(`${desk.url}/write`);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(await answer.text()).not.toMatch(/https?:|<style|style=|<script>| on\w+=/);
    expect((await fetch(`${desk.url}/write.html`)).status).toBe(404);
    const post = async (path: string, body: unknown) => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch(`${desk.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }))
        .status;
    };
    expect([await post('/answers', { question: ' ' }), await post('/answers', {})]).toEqual([400, 400]);
    expect([await post('/events/answers.1', { data: 1 }), await post('/events/answer', { data: 1 })]).toEqual(
      [403, 403],
    );
    expect((await fetch(`${desk.url}/answers/never`, { method: 'DELETE' })).status).toBe(204);
  });
});
