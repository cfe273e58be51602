import type { Page } from 'playwright-core';
import {
  desk,
  isLive,
  notes,
  outage,
  post,
  restartDesk,
  sees,
  visit,
  withDesk,
  write,
} from './support/desk-page.js';
import { TcpProxy } from './support/tcp-proxy.js';

const transports = ['websocket', 'sse'];

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

      await restartDesk();
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
