import { connect } from 'nestjs-push-client';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { afterTest } from './support/cleanup.js';
import { launchChromium, record, type PageRecord } from './support/chromium.js';
import { DeskProcess } from './support/desk-process.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

const transports = ['websocket', 'sse'];

/** What Chromium itself writes on the console when a server is away. */
const outage = /net::ERR_|WebSocket connection to .* failed/;

interface Note {
  readonly author: string;
  readonly text: string;
  readonly at: number;
}

interface Visitor {
  readonly page: Page;
  readonly record: PageRecord;
}

let browser: Browser;
let context: BrowserContext;
let desk: DeskProcess;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

/** Every test has an application and visitors of its own. */
function withDesk(): void {
  beforeEach(async () => {
    desk = await DeskProcess.start();
    context = await browser.newContext();
    context.setDefaultTimeout(100_000);
  });

  afterEach(async () => {
    await context.close();
    await desk.end();
  });
}

/** Someone who has opened the page, and sees both transports live. */
async function visit(url = desk.url): Promise<Visitor> {
  const page = await context.newPage();
  const visitor = { page, record: record(page) };
  await page.goto(url);
  await isLive(page);
  return visitor;
}

async function isLive(page: Page): Promise<void> {
  await page.locator('#sse[data-state=open]').waitFor();
  await page.locator('#websocket[data-state=open]').waitFor();
}

async function shows(page: Page, field: string, transport: string, value: number | RegExp): Promise<void> {
  const text = value instanceof RegExp ? value : new RegExp(`^${value}$`);
  const strip = page.locator(`#${transport}`);
  try {
    await strip.locator(`[data-field=${field}]`).filter({ hasText: text }).waitFor();
  } catch (cause) {
    throw new Error(`${field} is not ${String(value)}: ${await strip.innerText()}`, { cause });
  }
}

/** Resolves when a transport has come back since `before`. */
async function isBack(page: Page, transport: string, before: string): Promise<void> {
  await shows(page, 'reconnects', transport, new RegExp(`^(?!${before}$)\\d+$`));
}

function reconnects(page: Page, transport: string): Promise<string> {
  return page.locator(`#${transport} [data-field=reconnects]`).innerText();
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('Note', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

async function sees(page: Page, text: string): Promise<void> {
  await page.locator('#notes').getByText(text, { exact: true }).waitFor();
}

function notes(page: Page): Promise<string[]> {
  return page.locator('#notes .body').allTextContents();
}

function post(path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${desk.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

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

describe('connections that are cut', () => {
  withDesk();

  it('lose nothing and repeat nothing', async () => {
    const proxy = await TcpProxy.start(desk.port);
    const url = `http://127.0.0.1:${proxy.port}`;
    try {
      const visitors = [await visit(url), await visit(url)];
      const written: string[] = [];
      const publish = async (count: number) => {
        for (let i = 0; i < count; i++) {
          const text = `Note ${written.length + 1}`;
          written.push(text);
          const answer = await post('/events/board.notes', {
            data: { author: 'Counter', text, at: Date.now() },
          });
          expect(answer.status).toBe(201);
        }
      };
      for (let round = 1; round <= 5; round++) {
        await publish(10);
        // The tabs share connections: whose leading tab gets no time to answer comes back once more.
        const before = await Promise.all(
          visitors.flatMap(({ page }) =>
            transports.map(async (name) => [page, name, await reconnects(page, name)] as const),
          ),
        );
        // In the middle of events on their way: both WebSockets and both streams.
        const burst = publish(10);
        proxy.reset();
        await burst;
        await publish(5);
        for (const each of before) await isBack(...each);
      }
      for (const { page, record } of visitors) {
        await sees(page, written.at(-1)!);
        expect(await notes(page)).toEqual(written);
        await shows(page, 'gaps', 'websocket', 0);
        await shows(page, 'gaps', 'sse', 0);
        expect(record.errors.filter((error) => !outage.test(error))).toEqual([]);
      }
    } finally {
      await proxy.dispose();
    }
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'come back after %s and a restart, and say what is missing',
    async (signal) => {
      const visitors = [await visit(), await visit()];
      const [ann, ben] = visitors.map(({ page }) => page) as [Page, Page];
      await write(ann, 'Before');
      await sees(ben, 'Before');
      // Who has no id yet has nothing to miss.
      for (const page of [ann, ben]) await shows(page, 'id', 'sse', /^\w+-\d+$/);

      await desk.end(signal);
      for (const page of [ann, ben]) {
        await page.locator('#sse:not([data-state=open])').waitFor();
        await page.locator('#websocket:not([data-state=open])').waitFor();
      }
      await write(ann, 'Meanwhile');
      await ann.getByText('The server is away.').waitFor();

      desk = await desk.restart();
      for (const page of [ann, ben]) {
        await isLive(page);
        await sees(page, 'Meanwhile');
        await shows(page, 'gaps', 'websocket', 1);
        await shows(page, 'gaps', 'sse', 1);
        await page.locator('#websocket .notice').getByText('it was restarted').waitFor();
      }
      await write(ben, 'After');
      await sees(ann, 'After');
      for (const { page, record } of visitors) {
        expect(await notes(page)).toEqual(['Before', 'Meanwhile', 'After']);
        expect(await page.locator('#notes > .past').allTextContents()).toEqual([
          expect.stringContaining('Before'),
        ]);
        expect(await page.locator('#notes > .gap').count()).toBe(1);
        expect(record.errors.filter((error) => !outage.test(error))).toEqual([]);
      }
    },
  );
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

describe('what comes in over HTTP', () => {
  beforeAll(async () => {
    desk = await DeskProcess.start();
  });

  afterAll(() => desk.end());

  it('stores what is sent twice with one messageId once', async () => {
    const event = { data: 'once', messageId: 'order-66' };
    const [first, second] = [await post('/events/a.b', event), await post('/events/a.b', event)];
    expect(await second.json()).toEqual(await first.json());
  });

  it.each([
    ['no data', '/events/board.news', {}, 400, /data is missing/],
    ['an unknown field', '/events/board.news', { data: 1, tpye: 'x' }, 400, /tpye should not exist/],
    ['a type of the library', '/events/board.news', { data: 1, type: 'push.gap' }, 400, /push\./],
    ['a type that is no string', '/events/board.news', { data: 1, type: 7 }, 400, /type must be a string/],
    ['a bad messageId', '/events/board.news', { data: 1, messageId: 'a b' }, 400, /visible ASCII/],
    ['an empty token', '/events/board..news', { data: 1 }, 400, /is not a topic/],
    ['a wildcard', '/events/board.*', { data: 1 }, 400, /for subscribing/],
    ['a space', '/events/board%20news', { data: 1 }, 400, /is not a topic/],
    ['a topic that is too long', `/events/${'a'.repeat(256)}`, { data: 1 }, 400, /255 characters/],
    ['a list', '/events/board.news', [1], 400, /data is missing/],
    ['the figures', '/events/machine.figures', { data: 1 }, 403, /measured/],
    ['too much', '/events/board.news', { data: 'x'.repeat(300_000) }, 413, /maxEventBytes/],
  ])('refuses %s', async (_, path, body, status, reason) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    const { message } = (await answer.json()) as { message: string | string[] };
    expect([message].flat().join('; ')).toMatch(reason);
  });

  it('refuses what is no JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${desk.url}/events/a`, { method: 'POST', headers, body: '{"data":' });
    expect(answer.status).toBe(400);
  });
});

describe('what comes in over the WebSocket', () => {
  withDesk();

  it('is a note with the time of the server, or refused with the reasons', async () => {
    const push = connect<{ 'board.notes': Note }>(`${desk.url}/push`, {
      webSocket: WebSocket,
      transports: ['websocket'],
    });
    afterTest(() => push.close());
    const notes: Note[] = [];
    await push.on('board.notes', (note) => notes.push(note)).live;
    const before = Date.now();
    const forged = { author: ' Ann ', text: 'Hello', at: 1 };
    await push.publish('board.notes', forged);
    await expect(push.publish('board.notes', { ...forged, more: true } as Note)).rejects.toThrow(
      /more should not/,
    );
    await expect(push.publish('board.notes', { author: 'Ann', text: '  ' } as Note)).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringMatching(/text must be longer/) as string,
    });
    await expect(push.publish('board.notes', { text: 'Hello' } as Note)).rejects.toThrow(/author must be/);
    await expect(push.publish('board.news' as string, 'x')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(notes).toEqual([{ author: 'Ann', text: 'Hello', at: expect.any(Number) as number }]);
    expect(notes[0]!.at).toBeGreaterThanOrEqual(before);
  });
});

describe('npm start', () => {
  it('says what to do when the port is taken, or is none', async () => {
    desk = await DeskProcess.start();
    expect(await DeskProcess.fail(desk.port)).toEqual({
      code: 1,
      output: `Port ${desk.port} is taken. Stop the program that has it, or choose another: PORT=3001 npm start\n`,
    });
    const { code, output } = await DeskProcess.fail('http');
    expect(code).toBe(1);
    expect(output).toContain('Give a number from 0 to 65535');
    expect(await DeskProcess.fail(0, '--h3')).toEqual({
      code: 1,
      output: 'Usage: node dist/main.js [--h2 | --h2c]\n',
    });
    await desk.end();
  });
});
