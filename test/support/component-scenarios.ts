import type { Browser } from 'playwright-core';
import { Runs } from 'nestjs-push';
import { launchChromium } from './chromium.js';
import { topicsRead } from './client-app.js';
import { bundle, ComponentPage, type Kind } from './component-page.js';
import { RoomPolicy, startComponentSite } from './component-site.js';
import type { RunningApp } from './start-app.js';
import { TcpProxy } from './tcp-proxy.js';
import { eventually } from './watched.js';

/** Holds what the functions of a framework's entry do, in Chromium. `code` is that of a page for {@link ComponentPage}. */
export function describeComponents(code: string): void {
  let browser: Browser;
  let script: string;

  beforeAll(async () => {
    [browser, script] = await Promise.all([launchChromium(), bundle(code)]);
  });

  afterAll(() => browser?.close());

  async function open(options?: object): Promise<{ app: RunningApp; page: ComponentPage }> {
    const app = await startComponentSite();
    return { app, page: await ComponentPage.open(browser, app.url('/'), script, options) };
  }

  const reads = (app: RunningApp, ...topics: string[]) =>
    eventually(() => topicsRead(app).join() === topics.join());

  it('show the newest data of a topic', async () => {
    const { app, page } = await open();
    await app.bus.publish('board.1', 'a');
    const id = await page.mount('Latest', 'board.1');
    await page.shows(id, { latest: 'a' });
    await app.bus.publish('board.1', 'b');
    await page.shows(id, { latest: 'b' });
    await app.bus.remove('board.1');
    await page.shows(id, { latest: undefined });
    expect(page.errors).toEqual([]);
  });

  it('show the state of a pattern, over cuts', async () => {
    const { app, page } = await open();
    await app.bus.publish('board.1', 'a');
    await app.bus.publish('board.2', 'b');
    const id = await page.mount('StateMap', 'board.*');
    await page.shows(id, { entries: { 'board.1': 'a', 'board.2': 'b' }, isLive: true });
    app.cut();
    await app.bus.remove('board.1');
    await app.bus.publish('board.2', 'c');
    await page.shows(id, { entries: { 'board.1': undefined, 'board.2': 'c' }, isLive: true });
    const refused = await page.mount('StateMap', 'secrets.*');
    await page.shows(refused, { error: { code: 'FORBIDDEN' }, isLive: false });
  });

  it('show who is there, and what they say', async () => {
    const { app, page } = await open();
    const other = await ComponentPage.open(browser, app.url('/'), script);
    const id = await page.mount('Presence', 'rooms.1');
    await page.call(id, 'set', { typing: true });
    await page.shows(id, { users: [['ann', { typing: true }, 1]], count: 1, isLive: true });
    const second = await other.mount('Presence', 'rooms.1');
    await page.shows(id, { users: [['ann', { typing: true }, 2]], count: 2 });
    const looking = await page.mount('Presence', 'rooms.1', { join: false });
    await other.unmount(second);
    await page.shows(looking, { users: [['ann', { typing: true }, 1]], count: 1 });
    // What is said goes with it.
    await page.turn(id, 'rooms.2');
    await page.shows(id, { users: [['ann', { typing: true }, 1]], count: 1 });
    await page.shows(looking, { users: [], count: 0 });
  });

  it('show the past in pages, with what is new on top', async () => {
    const { app, page } = await open();
    for (let number = 1; number <= 5; number++) await app.bus.publish('news.1', number);
    const id = await page.mount('History', 'news.1', { limit: 2 });
    await page.shows(id, { events: [5, 4], hasOlder: true, isLoading: false, isLive: true });
    await page.call(id, 'loadOlder');
    await page.shows(id, { events: [5, 4, 3, 2], hasOlder: true });
    app.cut();
    await app.bus.publish('news.1', 6);
    await page.shows(id, { events: [6, 5, 4, 3, 2], isLive: true });
    await page.call(id, 'loadOlder');
    await page.shows(id, { events: [6, 5, 4, 3, 2, 1], hasOlder: false });
  });

  it('show a run up to its end', async () => {
    const { app, page } = await open();
    const id = await page.mount('Run', 'runs.1');
    await page.shows(id, { status: 'idle', text: '' });
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await app.nest.get(Runs).start('runs.1', async function* () {
      yield 'Once ';
      await finished;
      yield 'upon a time';
    });
    await page.shows(id, { status: 'running', text: 'Once ' });
    finish();
    await page.shows(id, { status: 'done', text: 'Once upon a time', ended: { reason: 'done' } });
  });

  it('show the status of the connection', async () => {
    const { page } = await open({ lazy: true });
    const id = await page.mount('PushStatus', undefined);
    await page.shows(id, { status: 'idle' });
    const latest = await page.mount('Latest', 'board.1');
    await page.shows(id, { status: 'live', transport: 'websocket' });
    await page.page.evaluate('push.close()');
    await page.shows(id, { status: 'closed', transport: undefined });
    await page.unmount(latest);
  });

  it('publish, and show what is pending', async () => {
    const { app, page } = await open();
    const id = await page.mount('Publish', 'rooms.1');
    const events = await page.mount('Events', 'rooms.1');
    await reads(app, 'rooms.1');
    await page.shows(id, { pending: [] });
    await page.call(id, 'publish', 'good');
    await page.shows(events, { events: ['good'] });
    await page.shows(id, { pending: [] });
    // It is never there twice, although it is there before its answer.
    await page.call(id, 'publish', 'late');
    await page.shows(events, { events: ['good', 'late'] });
    await page.shows(id, { pending: [] });
    app.nest.get(RoomPolicy).answer();
    await page.call(id, 'publish', 'bad');
    await page.shows(id, { pending: [['bad', 'FORBIDDEN']] });
    await page.call(id, 'discard');
    await page.shows(id, { pending: [] });
    await page.page.context().setOffline(true);
    await page.call(id, 'publish', 'later');
    await page.shows(id, { pending: [['later', null]] });
    await page.unmount(id);
    await page.page.context().setOffline(false);
    await page.shows(events, { events: ['good', 'late', 'later'] });
    expect(await page.page.evaluate('told')).toEqual([]);
  });

  it('handle events once and in order, and are told of gaps, ends and refusals', async () => {
    const { app, page } = await open();
    const id = await page.mount('Events', 'news.*', { from: 'earliest' });
    for (const word of ['a', 'b']) await app.bus.publish('news.1', word);
    await page.shows(id, { events: ['a', 'b'] });
    app.cut();
    await app.bus.publish('news.1', 'c');
    await page.shows(id, { events: ['a', 'b', 'c'] });
    const run = await page.mount('Events', 'runs.1', { from: 'start' });
    await app.bus.publish('runs.1', 'word');
    await app.bus.end('runs.1', { reason: 'done' });
    await page.shows(run, { events: ['word', 'done'] });
    const refused = await page.mount('Events', 'secrets.1');
    await page.shows(refused, { events: ['FORBIDDEN'] });
    await page.unmount(refused);
    await page.unmount(id);
    await reads(app);
  });

  it('begin again after a gap', async () => {
    const [before, after] = [await startComponentSite(), await startComponentSite()];
    const proxy = await TcpProxy.start(before.port);
    const page = await ComponentPage.open(browser, `http://127.0.0.1:${proxy.port}/`, script);
    await before.bus.publish('board.1', 'old');
    await before.bus.publish('news.1', 'old');
    const latest = await page.mount('Latest', 'board.1');
    const map = await page.mount('StateMap', 'board.*');
    const events = await page.mount('Events', 'news.1', { from: 'earliest' });
    const history = await page.mount('History', 'news.1');
    await page.shows(latest, { latest: 'old' });
    await page.shows(map, { entries: { 'board.1': 'old' }, isLive: true });
    await page.shows(events, { events: ['old'] });
    await page.shows(history, { events: ['old'], isLive: true });
    await after.bus.publish('board.2', 'new');
    await after.bus.publish('news.1', 'new');
    proxy.redirect(after.port);
    await page.shows(latest, { latest: undefined });
    await page.shows(map, { entries: { 'board.1': undefined, 'board.2': 'new' }, isLive: true });
    await page.shows(history, { events: ['new'], isLive: true });
    await after.bus.publish('news.1', 'newer');
    await page.shows(history, { events: ['newer', 'new'] });
    await page.shows(events, { events: ['old', 'epoch', 'new', 'newer'] });
    await page.page.close();
    await proxy.dispose();
  });

  it('change topics, and show nothing of a topic that is not known', async () => {
    const { app, page } = await open();
    for (const name of ['1', '2']) await app.bus.publish(`board.${name}`, name);
    const ids: string[] = [];
    for (const kind of ['Latest', 'StateMap', 'Events', 'History'] as const)
      ids.push(await page.mount(kind, undefined, { from: 'earliest' }));
    const [latest, map, events, history] = ids as [string, string, string, string];
    expect(topicsRead(app)).toEqual([]);
    for (const id of ids) await page.turn(id, 'board.1');
    await page.shows(latest, { latest: '1' });
    await page.shows(map, { entries: { 'board.1': '1' } });
    await page.shows(events, { events: ['1'] });
    await page.shows(history, { events: ['1'], isLive: true });
    for (const id of ids) await page.turn(id, 'board.2');
    await page.shows(latest, { latest: '2' });
    await page.shows(map, { entries: { 'board.1': undefined, 'board.2': '2' } });
    await page.shows(events, { events: ['1', '2'] });
    await page.shows(history, { events: ['2'], isLive: true });
    await eventually(() => topicsRead(app).every((topic) => topic === 'board.2'));
    for (const id of ids) await page.turn(id, '');
    await page.shows(latest, { latest: undefined });
    await reads(app);
    expect(page.errors).toEqual([]);
  });

  it('share what is open, and close it with the last one', async () => {
    const { app, page } = await open();
    await page.page.evaluate(`void (() => {
      const { send } = WebSocket.prototype;
      window.sent = [];
      WebSocket.prototype.send = function (text) { window.sent.push(text); return send.call(this, text); };
    })()`);
    const first = await page.mount('Latest', 'board.1');
    const second = await page.mount('Latest', 'board.1');
    await app.bus.publish('board.1', 'a');
    for (const id of [first, second]) await page.shows(id, { latest: 'a' });
    const sent = await page.page.evaluate<string[]>('window.sent');
    expect(sent.filter((text) => text.includes('board.1'))).toHaveLength(1);
    await page.unmount(first);
    await app.bus.publish('board.1', 'b');
    await page.shows(second, { latest: 'b' });
    await page.unmount(second);
    await reads(app);
  });

  it('leave nothing after 1,000 mounts', async () => {
    const { app, page } = await open();
    const kinds: readonly [Kind, string][] = [
      ['Latest', 'board.1'],
      ['StateMap', 'board.*'],
      ['Events', 'news.1'],
      ['History', 'news.1'],
      ['Presence', 'rooms.1'],
      ['Publish', 'rooms.1'],
      ['Run', 'runs.1'],
      ['PushStatus', ''],
    ];
    await page.page.evaluate(
      async ([kinds, rounds]) => {
        const { mount, unmount } = globalThis as unknown as Mounting;
        for (let round = 0; round < rounds; round++) {
          const ids = await Promise.all(kinds.map(([kind, topic]) => mount(kind, topic, {})));
          for (const id of ids) unmount(id);
        }
      },
      [kinds, 1_000 / kinds.length] as const,
    );
    await reads(app);
    // What a framework has rendered last it may keep.
    await eventually(async () => {
      await page.page.requestGC();
      return (await page.page.evaluate<number>('mounted.filter((each) => each.deref()).length')) < 20;
    });
    expect(page.errors).toEqual([]);
  });
}

interface Mounting {
  mount(kind: string, topic: string, options: object): Promise<string>;
  unmount(id: string): void;
}
