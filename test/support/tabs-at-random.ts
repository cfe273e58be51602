import type { PushClient, Stop } from 'nestjs-push-client';
import type { BrowserContext } from 'playwright-core';
import { Tab } from './client-tab.js';
import { Journal } from './push-journal.js';
import { random } from './random.js';
import type { RunningApp } from './start-app.js';
import { eventually } from './watched.js';

/** An application, and a browser profile that visits it. */
interface Site {
  readonly app: RunningApp;
  readonly context: BrowserContext;
}

/** So many events the log keeps, whatever topics they are of: those who read from the beginning find the first. */
const mostEvents = 2_000;

// A client takes another one on its page for one in another tab: they find each other in the same way.
export async function comeAndGoAtRandom({ app, context }: Site, seed: number): Promise<void> {
  const journal = new Journal(app.bus);
  const { page } = await Tab.open(context, app.url('/'));
  const done = page.evaluate(comeAndGo, { seed, steps: 250 });
  let isOver = false;
  void done.finally(() => (isOver = true));
  const below = random(seed);
  // A machine may be so slow that the tabs need longer: then they are left in peace.
  while (!isOver && journal.length < mostEvents) {
    for (let count = below(4); count > 0; count--) await journal.publish(`news.${below(3)}`);
    if (below(60) === 0) app.cut();
    await new Promise((resolve) => setTimeout(resolve, below(20)));
  }
  await done;
  for (let topic = 0; topic < 3; topic++) await journal.publish(`news.${topic}`);
  expect(await page.evaluate(caughtUp, journal.entries.slice(-3))).toBeGreaterThan(0);
  const readers = await page.evaluate(() => (globalThis as unknown as { readers: Reader[] }).readers);
  for (const { pattern, from, isActive, ids } of readers) {
    const all = journal.ids(pattern);
    const first = ids.length > 0 ? all.indexOf(ids[0]!) : all.length;
    expect(ids).toEqual(all.slice(first, first + ids.length));
    if (isActive) expect(ids.at(-1)).toBe(all.at(-1));
    if (from === 'earliest' && ids.length > 0) expect(first).toBe(0);
  }
  const wanted = new Set(readers.filter(({ isActive }) => isActive).map(({ pattern }) => pattern));
  await eventually(() => app.bus.stats().subscriptions === wanted.size);
}

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
