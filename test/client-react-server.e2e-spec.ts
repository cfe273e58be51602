import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { EventBus } from 'nestjs-push';
import type { ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Browser } from 'playwright-core';
import { createElement } from 'react';
import { renderToPipeableStream, renderToString } from 'react-dom/server';
import { build } from 'esbuild';
import { launchChromium, record } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { startReactSite } from './support/react-site.js';
import { Board, push, type BoardStart } from './support/rendered-board.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

/** Renders the page, with what the client goes on from. */
@Controller('board')
class BoardController {
  constructor(@Inject(EventBus) private readonly bus: EventBus) {}

  @Get()
  @Header('content-type', 'text/html')
  async page(): Promise<string> {
    const start = await this.start();
    return before + renderToString(createElement(Board, { start })) + after(start);
  }

  @Get('stream')
  async stream(@Res() response: ServerResponse): Promise<void> {
    const start = await this.start();
    response.setHeader('content-type', 'text/html');
    response.write(before);
    const body = new PassThrough();
    const { pipe } = renderToPipeableStream(createElement(Board, { start }), {
      onShellReady: () => pipe(body),
      // What suspends: the browser renders it.
      onError: () => undefined,
    });
    for await (const chunk of body) response.write(chunk);
    response.end(after(start));
  }

  private async start(): Promise<BoardStart> {
    // The id first: what comes while the data is loaded is told again, and nothing is missed.
    const id = this.bus.stats().positions.head;
    const board = [['board.1', 'x']] as const;
    const { events, ...page } = await this.bus.history<string>('news.a', { limit: 2 });
    const newest = await this.bus.history<string>('news.b', { limit: 1 });
    const plain = ({ topic, id, data }: { topic: string; id?: string; data: unknown }) => ({
      topic,
      id,
      data: String(data),
    });
    return {
      news: { ...page, events: events.map(plain) },
      latest: plain(newest.events[0]!) as BoardStart['latest'],
      board: { entries: board, id },
    };
  }
}

const before = '<!doctype html><link rel="icon" href="data:,"><div id="root">';

const after = (start: BoardStart) =>
  `</div><script>var start = ${JSON.stringify(start).replace(/</g, '\\u003c')}</script>`;

/** What takes the page over, as soon as a test says so. */
const takeOver = `
  import { createElement } from 'react';
  import { hydrateRoot } from 'react-dom/client';
  import { Board, handled, push } from './test/support/rendered-board.js';
  window.handled = handled;
  window.push = push;
  window.mismatches = [];
  window.seen = [];
  const out = () => seen.push(document.getElementById('out').textContent);
  new MutationObserver(out).observe(document.getElementById('root'), { characterData: true, childList: true, subtree: true });
  hydrateRoot(document.getElementById('root'), createElement(Board, { start }), {
    onRecoverableError: (error) => mismatches.push(String(error)),
  });`;

let browser: Browser;
let script: string;

beforeAll(async () => {
  browser = await launchChromium();
  const { outputFiles } = await build({
    stdin: { contents: takeOver, resolveDir: resolve('.') },
    bundle: true,
    format: 'esm',
    write: false,
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  script = outputFiles[0]!.text;
});

afterAll(() => browser?.close());

async function started(): Promise<RunningApp> {
  const app = await startReactSite({}, [BoardController]);
  for (const data of ['one', 'two', 'three']) await app.bus.publish('news.a', data);
  await app.bus.publish('news.b', 'old');
  await app.bus.publish('board.1', 'x');
  return app;
}

describe.each(['', '/stream'])('A page that a server renders (/board%s)', (path) => {
  it('has what was given, and goes on from there: what came meanwhile is shown once', async () => {
    const app = await started();
    const page = await browser.newPage();
    page.setDefaultTimeout(100_000);
    afterTest(() => page.close());
    const { errors } = record(page);
    await page.goto(app.url(`/board${path}`));
    const shown = () => page.evaluate<string>("document.getElementById('out').textContent");
    const expected = JSON.stringify([['three', 'two'], false, 'old', [['board.1', 'x']], 'idle']);
    expect(await shown()).toBe(expected);
    // Nothing is connected on the server, and the page is not taken over yet.
    expect([push.status, app.bus.stats().connections]).toEqual(['idle', 0]);
    await app.bus.publish('news.a', 'four');
    await app.bus.publish('news.b', 'new');
    await app.bus.publish('board.2', 'y');
    await app.bus.remove('board.1');
    await page.addScriptTag({ content: script, type: 'module' });
    const now = JSON.stringify([['four', 'three', 'two'], false, 'new', [['board.2', 'y']], 'live']);
    await page.waitForFunction(`document.getElementById('out').textContent === ${JSON.stringify(now)}`);
    await page.waitForFunction(`document.getElementById('late')?.textContent === '"new"'`);
    await app.bus.publish('news.a', 'five');
    await page.waitForFunction('handled.length >= 2');
    expect(await page.evaluate('handled')).toEqual(['four', 'five']);
    // React says that the server has not waited for what suspends, and that is all.
    const mismatches = await page.evaluate<string[]>('mismatches');
    expect(mismatches.filter((text) => !text.includes('news.b'))).toEqual([]);
    expect(errors.filter((text) => !text.includes('news.b'))).toEqual([]);
    // What was rendered never went away.
    for (const seen of await page.evaluate<string[]>('seen')) expect(seen).toContain('"three","two"');
    await page.evaluate('push.close()');
    await eventually(() => app.bus.stats().connections === 0);
  });
});
