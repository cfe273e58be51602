import type { Browser } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { topicsRead } from './support/client-app.js';
import { ReactPage, startReactSite } from './support/react-site.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

describe.each([
  ['websocket', { transports: ['websocket'] }],
  ['sse', { transports: ['sse'] }],
])('Hooks over %s', (transport, options) => {
  it('show what is there, and follow it', async () => {
    const app = await startReactSite();
    await app.bus.publish('news.a', 'old');
    await app.bus.publish('board.1', 'x');
    const code = `
      function All() {
        const { entries, isLive } = useStateMap('board.*');
        const { status, transport } = usePushStatus();
        return show([useLatest('news.a'), [...entries], isLive, status, transport]);
      }
      function Run() {
        const { text, status } = useRun('runs.1');
        return show([text, status], 'run');
      }
      mount(<><All /><Run /></>);`;
    const page = await ReactPage.open(browser, app, code, options);
    await page.shows(['old', [['board.1', 'x']], true, 'live', transport]);
    await page.shows(['', 'idle'], 'run');
    await app.bus.publish('news.a', 'new');
    await app.bus.publish('board.2', 'y');
    await app.bus.remove('board.1');
    for (const word of ['Once ', 'upon ']) await app.bus.publish('runs.1', word);
    await app.bus.end('runs.1', { reason: 'done' });
    await page.shows(['new', [['board.2', 'y']], true, 'live', transport]);
    await page.shows(['Once upon ', 'done'], 'run');
    await page.run('unmount()');
    await eventually(() => topicsRead(app).length === 0);
    expect([...page.errors, ...(await page.told())]).toEqual([]);
  });

  it('show who is there, and what they say', async () => {
    const app = await startReactSite();
    const code = (join: boolean) => `
      function Room() {
        const { users, count, set } = usePresence('rooms.1', { join: ${join} });
        window.set = set;
        return show([users.map(({ user, data }) => [user, data]), count]);
      }
      mount(<Room />);`;
    const ann = await ReactPage.open(browser, app, code(true), options);
    await ann.shows([[['ann', null]], 1]);
    const watcher = await ReactPage.open(browser, app, code(false), options);
    await watcher.shows([[['ann', null]], 1]);
    await ann.run('set({ typing: true })');
    await watcher.shows([[['ann', { typing: true }]], 1]);
    await ann.run('unmount()');
    await watcher.shows([[], 0]);
  });

  it('show a history from its newest page back to its beginning, and what is new on top', async () => {
    const app = await startReactSite();
    for (let number = 1; number <= 7; number++) await app.bus.publish('news.a', number);
    const code = `
      function News() {
        const { events, hasOlder, isLoading, loadOlder } = useHistory('news.a', { limit: 3 });
        window.loadOlder = loadOlder;
        return show([events.map(({ data }) => data), hasOlder, isLoading]);
      }
      mount(<News />);`;
    const page = await ReactPage.open(browser, app, code, options);
    await page.shows([[7, 6, 5], true, false]);
    await app.bus.publish('news.a', 8);
    await page.shows([[8, 7, 6, 5], true, false]);
    await page.run('loadOlder()');
    await page.shows([[8, 7, 6, 5, 4, 3, 2], true, false]);
    await page.run('Promise.all([loadOlder(), loadOlder()])');
    await page.shows([[8, 7, 6, 5, 4, 3, 2, 1], false, false]);
    app.cut();
    await app.bus.publish('news.a', 9);
    await page.shows([[9, 8, 7, 6, 5, 4, 3, 2, 1], false, false]);
  });

  it('show what is published at once, until it is there', async () => {
    const app = await startReactSite();
    const code = `
      function Room() {
        const { events } = useHistory('rooms.1');
        const { publish, pending } = usePublish('rooms.1');
        window.publish = publish;
        const shown = [...pending.map(({ data }) => data), ...events.map(({ data }) => data)];
        useEffect(() => void window.seen.push(shown.join(' ')));
        return show([events.map(({ data }) => data), pending.map(({ data, error }) => [data, error?.code ?? null])]);
      }
      window.seen = [];
      mount(<Room />);`;
    const page = await ReactPage.open(browser, app, code, options);
    await page.shows([[], []]);
    await eventually(() => topicsRead(app).join() === 'rooms.1');
    const ids = await page.run('Promise.all([publish(1), publish(2), publish(3)])');
    await page.shows([[3, 2, 1], []]);
    expect(ids).toHaveLength(3);
    // It was there from the call on.
    expect(await page.run<string[]>('seen')).toContain('1 2 3');
    expect(await page.told()).toEqual([]);
  });

  it('keep what was refused, to be tried again or given up', async () => {
    const app = await startReactSite();
    const code = `
      function Box() {
        const { publish, pending } = usePublish('box.1');
        Object.assign(window, { publish, pending });
        return show(pending.map(({ data, error }) => [data, error?.code ?? null]));
      }
      mount(<Box />);`;
    const page = await ReactPage.open(browser, app, code, options);
    await page.shows([]);
    await page.run("void ['good', 'bad', 'bad'].map((data) => publish(data))");
    await page.shows([
      ['bad', 'FORBIDDEN'],
      ['bad', 'FORBIDDEN'],
    ]);
    await page.run('pending[0].discard()');
    await page.shows([['bad', 'FORBIDDEN']]);
    await page.run('pending[0].retry()');
    await page.shows([['bad', 'FORBIDDEN']]);
    await page.run('pending[0].discard()');
    await page.shows([]);
    // It may not read what it has published, and was told so once.
    expect(await page.told()).toEqual([expect.stringContaining('box.1')]);
  });
});
