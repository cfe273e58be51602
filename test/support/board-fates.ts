import { PushClients } from 'nestjs-push';
import type { Browser, BrowserContext } from 'playwright-core';
import { BoardSite, type BoardOptions, type BuiltPage } from './board-site.js';
import type { BoardTab } from './board-tab.js';
import { afterTest } from './cleanup.js';
import { eventually } from './watched.js';

const feed = 'boards.demo.feed';

/** Browsers, of which each has its own storage, locks and network. */
export interface Browsers {
  readonly ann: BrowserContext;
  readonly ben: BrowserContext;
}

/** Three tabs of two users: two tabs of one browser, which share a connection, and another browser. */
async function threeTabs(
  site: BoardSite,
  { ann, ben }: Browsers,
): Promise<readonly [BoardTab, BoardTab, BoardTab]> {
  const tabs = [
    await site.open(ann, 'ann'),
    await site.open(ann, 'ann'),
    await site.open(ben, 'ben'),
  ] as const;
  // Everybody reads everything by now: what is published from here on is in all tabs.
  for (const tab of tabs) await tab.until({ present: ['ann', 'ben'] });
  await eventually(() => site.app.bus.stats().lagging === 0 && site.app.bus.stats().connections === 2);
  return tabs;
}

function all<Result>(tabs: readonly BoardTab[], act: (tab: BoardTab, index: number) => Promise<Result>) {
  return Promise.all(tabs.map(act));
}

/** All tabs show the same in the end, and their handlers got each message once and in order. */
async function agree(tabs: readonly BoardTab[], said: number): Promise<void> {
  await all(tabs, (tab) => tab.until({ sending: [], isMoving: false, status: 'live' }));
  await all(tabs, (tab) => eventually(async () => (await tab.handled(feed)).length >= said));
  const [first, ...others] = await all(tabs, (tab) => tab.handled(feed));
  expect(first).toHaveLength(said);
  for (const other of others) expect(other).toEqual(first);
  await all(tabs, (tab) => tab.handled('boards.demo.notes'));
  for (const tab of tabs) expect(tab.complaints()).toEqual([]);
}

/** Until when each connection holds. */
function expiries(site: BoardSite): Map<string, unknown> {
  const clients = site.app.nest.get(PushClients).list();
  return new Map(clients.map(({ connection, principal }) => [connection, principal?.expiresAt]));
}

/** Something that becomes of the pages. */
export interface Fate {
  readonly options?: BoardOptions;
  run(site: BoardSite, browsers: Browsers): Promise<void>;
}

/** Every fate of the pages, each with a server and browsers of its own. */
export const fates: Record<string, Fate> = {
  'three tabs put, move and remove notes, while the network is cut': {
    async run(site, browsers) {
      const tabs = await threeTabs(site, browsers);
      const rounds = 4;
      for (let round = 0; round < rounds; round++) {
        await all(tabs, (tab, index) => tab.pin(`note ${round}.${index}`));
        const moved = `note ${round}.0`;
        await all(tabs, (tab) => tab.shows(moved));
        // In the middle of it.
        const acts = all(tabs, async (tab, index) => {
          await tab.say(`line ${round}.${index}`);
          if (index === 1) await tab.move(moved);
        });
        site.network.reset();
        await acts;
        await all(tabs, (tab) => tab.until({ sending: [], isMoving: false, status: 'live' }));
        await tabs[2].remove(`note ${round}.1`);
      }
      const expected = Array.from({ length: rounds }, (_, round) => [
        `note ${round}.0 at 10`,
        `note ${round}.2 at 0`,
      ]);
      for (const tab of tabs) await tab.until({ notes: expected.flat() });
      await agree(tabs, rounds * tabs.length);
      const [first, ...others] = await all(tabs, async (tab) => (await tab.shown()).feed);
      expect([...first!].sort()).toEqual(
        Array.from({ length: rounds }, (_, round) => tabs.map((_, index) => `line ${round}.${index}`)).flat(),
      );
      for (const other of others) expect(other).toEqual(first);
    },
  },

  'users come and go': {
    async run(site, browsers) {
      const tabs = await threeTabs(site, browsers);
      await tabs[2].page.fill('#say input', 'I am');
      await tabs[0].page.locator('#present .writing[data-user=ben]').waitFor();
      // Ben's page is away for a moment: he has neither left nor come.
      site.network.reset();
      await tabs[0].page.click('#toggle');
      await tabs[1].until({ present: ['ann', 'ben'] });
      await tabs[2].page.close();
      await tabs[1].until({ present: ['ann'] });
      await tabs[1].page.close();
      await tabs[0].page.click('#toggle');
      await tabs[0].until({ present: ['ann'] });
      const carl = await site.open(browsers.ben, 'carl');
      for (const tab of [tabs[0], carl]) await tab.until({ present: ['ann', 'carl'] });
    },
  },

  'what was said comes in pages, with what is new on top': {
    async run(site, { ann }) {
      const texts = (from: number, to: number) =>
        Array.from({ length: from - to + 1 }, (_, index) => `${from - index}`);
      const say = (from: number, to: number) => site.say('ben', ...texts(to, from).reverse());
      await say(1, 70);
      const tab = await site.open(ann, 'ann');
      await tab.until({ feed: texts(70, 51), hasOlder: true });
      await tab.older();
      await tab.until({ feed: texts(70, 31) });
      await say(71, 75);
      await tab.until({ feed: texts(75, 31) });
      site.network.reset();
      await say(76, 80);
      await tab.until({ feed: texts(80, 31), status: 'live' });
      const loading = tab.older();
      await say(81, 85);
      await loading;
      await tab.until({ feed: texts(85, 11) });
      await tab.older();
      await tab.until({ feed: texts(85, 1), hasOlder: false });
    },
  },

  'an export is watched from tabs that come at different times': {
    async run(site, { ann, ben }) {
      const lines = Array.from({ length: 150 }, (_, index) => `line ${index}`);
      await site.say('ann', ...lines);
      const file = lines.map((line) => `ann: ${line}\n`).join('');
      const first = await site.open(ann, 'ann');
      await first.startExport();
      await first.page.waitForFunction("document.querySelector('#file')?.textContent !== ''");
      const second = await site.open(ben, 'ben');
      site.network.reset();
      for (const tab of [first, second]) await tab.until({ run: 'done', file });
      const late = await site.open(ann, 'ann');
      await late.until({ run: 'done', file });
      await second.startExport();
      await late.until({ run: 'running' });
      await late.page.click('#stop');
      for (const tab of [first, second, late]) await tab.until({ run: 'cancelled' });
    },
  },

  'the server is restarted, and its log is another one': {
    async run(site, browsers) {
      const tabs = await threeTabs(site, browsers);
      await site.say('ann', 'before');
      await tabs[2].pin('old');
      await all(tabs, (tab) => tab.until({ feed: ['before'], notes: ['old at 0'] }));
      await site.restart(async () => {
        await all(tabs, (tab) => tab.until({ status: 'waiting' }));
        await tabs[0].say('meanwhile');
        await site.app.bus.publish('boards.demo.notes.1', { author: 'carl', text: 'new', x: 5, y: 5 });
        await site.say('carl', 'after');
      });
      await all(tabs, (tab) => tab.until({ status: 'live', sending: [], notes: ['new at 5'] }));
      await all(tabs, (tab) => tab.until({ feed: ['meanwhile', 'after'], present: ['ann', 'ben'] }));
      await site.say('carl', 'last');
      await all(tabs, (tab) => tab.until({ feed: ['last', 'meanwhile', 'after'] }));
      await all(tabs, (tab) => tab.handled(''));
    },
  },

  'tokens expire, and one is refused': {
    options: { tokenLife: 16 },
    async run(site, browsers) {
      const tabs = await threeTabs(site, browsers);
      const before = expiries(site);
      await site.say('ann', 'with the first');
      const renewals = new Set<string>();
      // Renewed twice, where it is: the first token has expired by then.
      await eventually(() => {
        for (const [connection, expiresAt] of expiries(site)) renewals.add(`${connection} ${expiresAt}`);
        return renewals.size === 3 * before.size;
      });
      expect([...expiries(site).keys()]).toEqual([...before.keys()]);
      await site.say('ann', 'with the third');
      await all(tabs, (tab) => tab.until({ feed: ['with the third', 'with the first'] }));
      await browsers.ann.route('**/login', (route) => route.fulfill({ json: { token: 'forged' } }));
      site.network.reset();
      await all(tabs.slice(0, 2), (tab) => tab.until({ status: 'waiting' }));
      await eventually(() => site.app.bus.stats().connections === 1);
      await site.say('ben', 'to those who are in');
      await tabs[2].until({ feed: ['to those who are in', 'with the third', 'with the first'] });
      await browsers.ann.unroute('**/login');
      await all(tabs, (tab) =>
        tab.until({ feed: ['to those who are in', 'with the third', 'with the first'] }),
      );
      await agree(tabs, 3);
    },
  },

  'a browser is offline for 30 s': {
    async run(site, browsers) {
      const tabs = await threeTabs(site, browsers);
      await tabs[2].pin('kept');
      await all(tabs, (tab) => tab.shows('kept'));
      await browsers.ann.setOffline(true);
      await all(tabs.slice(0, 2), (tab) => tab.until({ status: 'waiting' }));
      await tabs[0].say('from far away');
      await tabs[0].move('kept');
      await tabs[0].until({ sending: ['from far away'], isMoving: true, notes: ['kept at 10'] });
      for (let second = 0; second < 30; second++) {
        await site.say('ben', `second ${second}`);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      await tabs[2].until({ present: ['ben'], notes: ['kept at 0'] });
      await tabs[2].pin('seen later');
      await browsers.ann.setOffline(false);
      await all(tabs, (tab) =>
        tab.until({ notes: ['kept at 10', 'seen later at 0'], present: ['ann', 'ben'] }),
      );
      await agree(tabs, 31);
      await all(tabs, async (tab) => expect((await tab.shown()).feed[0]).toBe('from far away'));
    },
  },
};

/** A fate in browsers of its own. */
export async function befall(browser: Browser, page: BuiltPage, { options, run }: Fate): Promise<void> {
  const ann = await browser.newContext();
  const ben = await browser.newContext();
  const site = await BoardSite.start(page, options);
  for (const context of [ann, ben]) afterTest(() => context.close());
  await run(site, { ann, ben });
}
