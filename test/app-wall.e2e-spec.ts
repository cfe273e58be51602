import type { Page } from 'playwright-core';
import { afterTest } from './support/cleanup.js';
import { desk, post, visit, withDesk } from './support/desk-page.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

/** The notes on the wall, as a page shows them: text and place. */
async function pins(page: Page): Promise<string[]> {
  const cards = await page.locator('.pin').all();
  const shown = cards.map(async (card) => {
    const [, x, y] = /--x: (\S+); --y: (\S+);/.exec((await card.getAttribute('style'))!)!;
    return `${await card.locator('.body').innerText()} ${Math.round(Number(x))} ${Math.round(Number(y))}`;
  });
  return (await Promise.all(shown)).sort();
}

async function pin(text: string, x: number, y: number): Promise<string> {
  const answer = await post('/pins', { author: 'Ann', text, x, y });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

async function move(id: string, x: number, y: number): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ x, y });
  return (await fetch(`${desk.url}/pins/${id}/place`, { method: 'PUT', headers, body })).status;
}

async function takeDown(id: string): Promise<number> {
  return (await fetch(`${desk.url}/pins/${id}`, { method: 'DELETE' })).status;
}

describe('the wall', () => {
  withDesk();

  it('shows everyone what is pinned, moved and taken down', async () => {
    const ann = await visit();
    await ann.page.getByLabel('Pin', { exact: true }).fill('Buy <b>milk</b>');
    await ann.page.getByRole('button', { name: 'Pin it' }).click();
    const ben = await visit();
    const card = ben.page.locator('.pin', { hasText: 'Buy <b>milk</b>' });
    await card.waitFor();
    await eventually(async () => (await pins(ben.page)).join() === (await pins(ann.page)).join());

    // Into the corner, with the mouse and then with the keyboard.
    await eventually(async () => (await ben.page.locator('#visitors .visitor').count()) === 2);
    await card.hover({ position: { x: 10, y: 10 } });
    await ben.page.mouse.down();
    await ben.page.mouse.move(-2_000, -2_000, { steps: 4 });
    await ben.page.mouse.up();
    for (const { page } of [ann, ben])
      await eventually(async () => (await pins(page)).join() === 'Buy <b>milk</b> 0 0');
    // From where Ben sees it, even if his page has yet to hear of its own move.
    await card.press('ArrowRight');
    await eventually(async () => (await pins(ann.page)).join() === 'Buy <b>milk</b> 4 0');

    await ann.page.getByRole('button', { name: 'Take down: Buy <b>milk</b>' }).click();
    for (const { page } of [ann, ben]) await page.locator('.pin').waitFor({ state: 'detached' });
    for (const { record } of [ann, ben]) expect(record.errors).toEqual([]);
  });

  it('is right after the connection was cut, and for pages that open later', async () => {
    const proxy = await TcpProxy.start(desk.port);
    afterTest(() => proxy.dispose());
    const [gone, moved] = [await pin('Gone', 10, 10), await pin('Moved', 20, 20)];
    const { page } = await visit(`http://127.0.0.1:${proxy.port}`);
    await eventually(async () => (await pins(page)).join() === 'Gone 10 10,Moved 20 20');
    proxy.refuse();
    await page.locator('#websocket:not([data-state=open])').waitFor();
    expect([await takeDown(gone), await move(moved, 30, 40)]).toEqual([204, 204]);
    await pin('New', 50, 60);
    proxy.heal();
    await eventually(async () => (await pins(page)).join() === 'Moved 30 40,New 50 60');
    const { page: later } = await visit();
    await eventually(async () => (await pins(later)).join() === 'Moved 30 40,New 50 60');
  });

  it('shows a note the same wherever it hangs', async () => {
    const text = 'A note of more than one line, as most of them are';
    for (const x of [0, 50, 100]) for (const y of [0, 100]) await pin(text, x, y);
    const { page } = await visit();
    await eventually(async () => (await pins(page)).length === 6);
    const wall = (await page.locator('#pins').boundingBox())!;
    const cards = await Promise.all((await page.locator('.pin').all()).map((card) => card.boundingBox()));
    expect(new Set(cards.map((card) => `${Math.round(card!.width)} ${Math.round(card!.height)}`)).size).toBe(
      1,
    );
    for (const card of cards) {
      expect(card!.y).toBeGreaterThanOrEqual(wall.y - 1);
      expect(card!.y + card!.height).toBeLessThanOrEqual(wall.y + wall.height + 1);
    }
  });

  it('has no note that was taken down, also if somebody moves it', async () => {
    const id = await pin('Short', 1, 2);
    expect(await move(id, 3, 4)).toBe(204);
    expect(await takeDown(id)).toBe(204);
    const statuses = [await move(id, 5, 6), await takeDown('never'), await move('never', 1, 1)];
    expect(statuses.map((status) => [404, 409].includes(status))).toEqual([true, true, true]);
    const { page } = await visit();
    expect(await pins(page)).toEqual([]);
    expect((await post('/pins', { author: 'Ann', text: ' ', x: 1, y: 1 })).status).toBe(400);
    expect((await post('/pins', { author: 'Ann', text: 'x', x: 101, y: 1 })).status).toBe(400);
    expect(await move(id, NaN, 1)).toBe(400);
    expect((await post('/events/pins.x', { data: 1 })).status).toBe(403);
  });
});
