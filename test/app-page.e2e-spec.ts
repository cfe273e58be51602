import type { Page } from 'playwright-core';
import { desk, notes, post, sees, visit, withDesk, write, type Visitor } from './support/desk-page.js';
import { eventually } from './support/watched.js';

describe('the page', () => {
  withDesk();

  it('shows what two people write to each other, the greeting, and figures that move', async () => {
    const ann = await visit();
    await ann.page.getByLabel('Name').fill('Ann');
    const ben = await visit();
    await ben.page.getByLabel('Name').fill('Ben');

    await write(ann.page, 'Hello, Ben');
    await sees(ben.page, 'Hello, Ben');
    await write(ben.page, 'Hello, Ann\nHow is the <b>weather</b> over there? ☀️');
    await sees(ann.page, 'Hello, Ann\nHow is the <b>weather</b> over there? ☀️');
    expect(await notes(ann.page)).toEqual(await notes(ben.page));
    expect(await ann.page.locator('.note.own .author').allTextContents()).toEqual(['Ann']);
    expect(await ben.page.locator('.note.own .author').allTextContents()).toEqual(['Ben']);

    await ann.page.locator('#websocket .notice').getByText('Greeted as').waitFor();
    for (const figure of ['#load', '#memory', '#delay']) {
      await ann.page
        .locator(`${figure} output`)
        .filter({ hasText: /^\d+(\.\d+)?$/ })
        .waitFor();
      const line = await ann.page.locator(`${figure} .line`).getAttribute('d');
      await ann.page.locator(`${figure} .line:not([d="${line}"])`).waitFor({ state: 'attached' });
    }

    for (const { record } of [ann, ben]) {
      expect(record.errors).toEqual([]);
      expect(record.requests.length).toBeGreaterThan(5);
      expect(record.requests.filter((url) => new URL(url).host !== new URL(desk.url).host)).toEqual([]);
    }
  });

  it('shows who comes later what was written, and the figures of the minutes before', async () => {
    const ann = await visit();
    await write(ann.page, 'Early');
    await sees(ann.page, 'Early');
    const line = '#load .line[d*="L"]';
    const figuresIn = async ({ page }: Visitor) =>
      (await page.locator(line).getAttribute('d'))!.split('L').length;
    await ann.page.locator(line).waitFor({ state: 'attached' });
    await eventually(async () => (await figuresIn(ann)) >= 4);

    const ben = await visit();
    await sees(ben.page, 'Early');
    await ben.page.locator(line).waitFor({ state: 'attached' });
    expect(await figuresIn(ben)).toBeGreaterThanOrEqual(4);
  });

  it('fits a phone', async () => {
    const { page } = await visit();
    await page.setViewportSize({ width: 360, height: 740 });
    await write(page, 'x'.repeat(500));
    await sees(page, 'x'.repeat(500));
    const body = await page.locator('body').boundingBox();
    const button = await page.getByRole('button', { name: 'Send' }).boundingBox();
    expect(body!.width).toBeLessThanOrEqual(360);
    expect(button!.x + button!.width).toBeLessThanOrEqual(360);
  });

  it('is served with a policy that allows nothing foreign', async () => {
    const answer = await fetch(desk.url);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(await answer.text()).not.toMatch(/https?:|<style|style=|<script>| on\w+=/);
  });
});

/** Who is at the desk, as a page shows it. */
async function visitors(page: Page): Promise<string> {
  return (await page.locator('#visitors .visitor').allTextContents()).sort().join();
}

describe('the desk', () => {
  withDesk();

  it('shows who is there, and who types', async () => {
    const [ann, ben] = [await visit(), await visit()];
    for (const [{ page }, name] of [[ann, 'Ann'] as const, [ben, 'Ben'] as const]) {
      await page.getByLabel('Name').fill(name);
      await page.getByLabel('Name').blur();
    }
    for (const { page } of [ann, ben]) await eventually(async () => (await visitors(page)) === 'Ann,Ben');
    await ann.page.getByLabel('Note', { exact: true }).fill('Hello');
    await ben.page.locator('.visitor.typing', { hasText: 'Ann' }).waitFor();
    await ann.page.getByLabel('Note', { exact: true }).press('Enter');
    await ben.page.locator('.visitor:not(.typing)', { hasText: 'Ann' }).waitFor();
    await ann.page.close();
    await eventually(async () => (await visitors(ben.page)) === 'Ben');
    for (const { record } of [ann, ben]) expect(record.errors).toEqual([]);
  });
});

describe('the board', () => {
  withDesk();

  it('begins with the newest notes, and loads earlier ones', async () => {
    const written = Array.from({ length: 120 }, (_, index) => `Note ${index + 1}`);
    for (const text of written)
      await post('/events/board.notes', { data: { author: 'Counter', text, at: Date.now() } });
    const { page, record } = await visit();
    await sees(page, 'Note 120');
    expect(await notes(page)).toEqual(written.slice(-50));
    const earlier = page.getByRole('button', { name: 'Earlier notes' });
    await earlier.click();
    await sees(page, 'Note 21');
    await earlier.click();
    await sees(page, 'Note 1');
    expect(await notes(page)).toEqual(written);
    await earlier.waitFor({ state: 'hidden' });
    await write(page, 'Note 121');
    await sees(page, 'Note 121');
    expect(await notes(page)).toEqual([...written, 'Note 121']);
    expect(record.errors).toEqual([]);
  });
});

describe('POST /events/:topic', () => {
  withDesk();

  it('reaches every page, whatever the data', async () => {
    const visitors = [await visit(), await visit()];
    const text = await fetch(`${desk.url}/events/board.news`, {
      method: 'POST',
      body: new URLSearchParams({ data: 'Tea is ready' }),
    });
    expect(text.status).toBe(201);
    const json = await post('/events/board.deploys', { type: 'deployed', data: { version: 2 } });
    expect(await json.json()).toEqual({ topic: 'board.deploys', id: expect.stringMatching(/^\w+-\d+$/) });
    await post('/events/board.nothing', { data: null });

    for (const { page } of visitors) {
      await sees(page, 'board.nothing');
      expect(await notes(page)).toEqual(['Tea is ready', '{\n  "version": 2\n}', 'null']);
      await sees(page, 'deployed');
    }
  });
});
