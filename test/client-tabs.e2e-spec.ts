import type { PushClient, Stop } from 'nestjs-push-client';
import type { Browser, BrowserContext } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { startSite } from './support/client-site.js';
import { Tab } from './support/client-tab.js';
import { Journal } from './support/push-journal.js';
import { random } from './support/random.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(60_000);

let browser: Browser;
let app: RunningApp;
let context: BrowserContext;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  app = await startSite();
  context = await browser.newContext();
  afterTest(() => context.close());
});

/** Tabs that read `news.*`, the first of which leads. */
async function openTabs(count: number): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (let index = 0; index < count; index++) {
    const tab = await Tab.open(context, app.url('/'));
    await tab.read('news.*');
    tabs.push(tab);
  }
  return tabs;
}

function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Publishes numbers while something happens; resolves with the last. */
async function publishDuring(happening: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = happening.finally(() => (isOver = true));
  let last = 0;
  for (let more = 20; more > 0; more -= isOver ? 1 : 0) {
    await app.bus.publish('news.a', ++last);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await over;
  return last;
}

/** That each of them has handled all numbers, once and in order. */
async function expectAll(tabs: readonly Tab[], last: number): Promise<void> {
  for (const tab of tabs) {
    expect(await tab.handled(last)).toEqual(numbers(last));
    expect(await tab.seen()).toMatchObject({ status: 'live', gaps: [], errors: [] });
  }
  await eventually(() => app.bus.stats().connections === 1);
}

describe('The tabs of a browser', () => {
  it('share one connection, with what each of them wants', async () => {
    const tabs = await openTabs(3);
    const [first, second, third] = tabs as [Tab, Tab, Tab];
    await second.read('sport');
    await third.read('sport');
    expect(app.bus.stats()).toMatchObject({ connections: 1, subscriptions: 2 });
    await app.bus.publish('sport', 'goal');
    await app.bus.publish('news.a', 1);
    expect(await first.handled(1)).toEqual([1]);
    for (const tab of [second, third]) expect(await tab.handled(2)).toEqual(['goal', 1]);

    await second.stop('sport');
    await app.bus.publish('sport', 'second goal');
    expect(await third.handled(3)).toEqual(['goal', 1, 'second goal']);
    expect(app.bus.stats()).toMatchObject({ connections: 1, subscriptions: 2 });
    // Whoever closes gives up what only it wanted.
    await third.page.close();
    await eventually(() => app.bus.stats().subscriptions === 1);
    expect(await second.handled(2)).toEqual(['goal', 1]);
  });

  it.each([
    ['closes', (tab: Tab) => tab.page.close()],
    ['crashes', (tab: Tab) => tab.crash()],
    ['goes to another site', async (tab: Tab) => void (await tab.page.goto('about:blank'))],
  ])('go on when the leading one %s', async (_, end) => {
    const tabs = await openTabs(3);
    const last = await publishDuring(
      (async () => {
        await tabs[1]!.handled(5);
        await end(tabs[0]!);
        await tabs[1]!.handled(60);
        await end(tabs[1]!);
        await tabs[2]!.handled(120);
      })(),
    );
    await expectAll([tabs[2]!], last);
  });

  it('go on when the leading one is frozen, and so does that one when it is thawed', async () => {
    const tabs = await openTabs(2);
    const [first, second] = tabs as [Tab, Tab];
    const last = await publishDuring(
      (async () => {
        await second.handled(5);
        await first.lifecycle('frozen');
        await second.handled(80);
        await first.lifecycle('active');
        await first.handled(100);
      })(),
    );
    await expectAll(tabs, last);
  });

  it('depose a leading one that hangs, which follows when it is back', async () => {
    const tabs = await openTabs(2);
    const [first, second] = tabs as [Tab, Tab];
    const last = await publishDuring(
      (async () => {
        await second.handled(5);
        const hanging = first.page.evaluate(() => {
          for (const end = Date.now() + 9_000; Date.now() < end;);
        });
        const { length } = await second.handled(0);
        await second.handled(length + 300);
        await hanging;
      })(),
    );
    await expectAll(tabs, last);
  });

  it('of another browser profile have a connection of their own', async () => {
    await openTabs(2);
    const other = await browser.newContext();
    afterTest(() => other.close());
    await (await Tab.open(other, app.url('/'))).read('news.*');
    expect(app.bus.stats().connections).toBe(2);
  });

  const seed = Number(process.env.SEED ?? Date.now() % 100_000);

  // A client takes another one on its page for one in another tab: they find each other in the same way.
  it(`come and go at random, and none misses or repeats anything, wherever they are cut (seed ${seed})`, async () => {
    const journal = new Journal(app.bus);
    const tab = await Tab.open(context, app.url('/'));
    const done = tab.page.evaluate(comeAndGo, { seed, steps: 250 });
    let isOver = false;
    void done.finally(() => (isOver = true));
    const below = random(seed);
    while (!isOver) {
      for (let count = below(4); count > 0; count--) await journal.publish(`news.${below(3)}`);
      if (below(60) === 0) app.cut();
      await new Promise((resolve) => setTimeout(resolve, below(20)));
    }
    await done;
    for (let topic = 0; topic < 3; topic++) await journal.publish(`news.${topic}`);
    const active = await tab.page.evaluate(caughtUp, journal.entries.slice(-3));
    expect(active).toBeGreaterThan(0);
    const readers = await tab.page.evaluate(() => (globalThis as unknown as { readers: Reader[] }).readers);
    for (const { pattern, from, isActive, ids } of readers) {
      const all = journal.ids(pattern);
      const first = ids.length > 0 ? all.indexOf(ids[0]!) : all.length;
      expect(ids).toEqual(all.slice(first, first + ids.length));
      if (isActive) expect(ids.at(-1)).toBe(all.at(-1));
      if (from === 'earliest' && ids.length > 0) expect(first).toBe(0);
    }
    console.log({ readers: readers.length, active, handled: readers.flatMap(({ ids }) => ids).length });
  });
});

/** A subscription of one of the clients on a page. */
interface Reader {
  readonly pattern: string;
  readonly from: 'now' | 'earliest';
  isActive: boolean;
  readonly ids: string[];
}

/** Runs on the page: opens and closes clients, and subscribes them to this and that. Resolves once all that stay are live. */
async function comeAndGo({ seed, steps }: { seed: number; steps: number }): Promise<void> {
  interface Client {
    readonly push: PushClient;
    readonly active: { readonly reader: Reader; readonly stop: Stop }[];
  }
  const page = globalThis as unknown as {
    connect(url: string, options: object): PushClient;
    readers: Reader[];
  };
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const clients: Client[] = [];
  page.readers = [];
  const acts = [
    () => {
      if (clients.length < 5)
        clients.push({ push: page.connect('/push', { maxRetryDelay: 50 }), active: [] });
    },
    () => {
      if (clients.length < 3) return;
      const [client] = clients.splice(below(clients.length), 1);
      client!.push.close();
      client!.active.forEach(({ reader }) => (reader.isActive = false));
    },
    () => {
      const { push, active } = clients[below(clients.length)]!;
      const pattern = ['news.0', 'news.1', 'news.*', '>'][below(4)]!;
      const from = below(3) === 0 ? 'earliest' : 'now';
      const reader: Reader = { pattern, from, isActive: true, ids: [] };
      page.readers.push(reader);
      active.push({ reader, stop: push.on(pattern, (_, { id }) => reader.ids.push(id!), { from }) });
    },
    () => {
      const { active } = clients[below(clients.length)]!;
      if (active.length < 2) return;
      const [{ reader, stop }] = active.splice(below(active.length), 1) as [(typeof active)[number]];
      stop();
      reader.isActive = false;
    },
  ];
  acts[0]!();
  for (let step = 0; step < steps; step++) {
    acts[below(2) === 0 ? 2 + below(2) : below(4)]!();
    await new Promise((resolve) => setTimeout(resolve, below(25)));
  }
  await Promise.all(clients.flatMap(({ active }) => active.map(({ stop }) => stop.live)));
}

/** Runs on the page: resolves once every reader has the last of what it reads. Returns how many there are. */
async function caughtUp(last: { id: string; topic: string }[]): Promise<number> {
  const { readers } = globalThis as unknown as { readers: Reader[] };
  const active = readers.filter(({ isActive }) => isActive);
  const isBehind = ({ pattern, ids }: Reader) => {
    const wanted = last.findLast(({ topic }) => pattern === topic || pattern === 'news.*' || pattern === '>');
    return wanted !== undefined && ids.at(-1) !== wanted.id;
  };
  while (active.some(isBehind)) await new Promise((resolve) => setTimeout(resolve, 10));
  return active.length;
}
