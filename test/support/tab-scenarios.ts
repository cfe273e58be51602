import { Injectable } from '@nestjs/common';
import { Authenticator } from 'nestjs-push';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterTest } from './cleanup.js';
import { startSite } from './client-site.js';
import { Tab } from './client-tab.js';
import type { RunningApp } from './start-app.js';
import { comeAndGoAtRandom } from './tabs-at-random.js';
import type { Scenarios } from './together.js';
import { eventually } from './watched.js';

/** Of what happens at random. */
export const seed = Number(process.env.SEED ?? Date.now() % 100_000);

function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** A browser profile, and the application that its tabs show. */
class Profile {
  private constructor(
    readonly app: RunningApp,
    readonly context: BrowserContext,
  ) {}

  static async open(browser: Browser, app?: RunningApp): Promise<Profile> {
    const context = await browser.newContext();
    afterTest(() => context.close());
    return new Profile(app ?? (await startSite()), context);
  }

  /** Tabs that read `news.*`, the first of which leads. */
  async tabs(count: number): Promise<Tab[]> {
    const tabs: Tab[] = [];
    for (let index = 0; index < count; index++) {
      const tab = await Tab.open(this.context, this.app.url('/'));
      await tab.read('news.*');
      tabs.push(tab);
    }
    return tabs;
  }

  /** Publishes numbers while something happens; resolves with the last. */
  async publishDuring(happen: () => Promise<unknown>): Promise<number> {
    let isOver = false;
    const over = happen().finally(() => (isOver = true));
    let last = 0;
    for (let more = 20; more > 0; more -= isOver ? 1 : 0) {
      await this.app.bus.publish('news.a', ++last);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await over;
    return last;
  }

  /** That each of them has handled all numbers, once and in order, over one connection. */
  async expectAll(tabs: readonly Tab[], last: number): Promise<void> {
    for (const tab of tabs) {
      expect(await tab.handled(last)).toEqual(numbers(last));
      expect(await tab.seen()).toMatchObject({ gaps: [], errors: [] });
    }
    await eventually(() => this.app.bus.stats().connections === 1);
    // A leader that was deposed may have handled everything before it learns that another tab leads.
    for (const tab of tabs) await tab.untilLive();
  }
}

/** A leader whose heartbeat was late on a busy machine may just be coming back. */
function holds(app: RunningApp, connections: number, subscriptions: number): boolean {
  const stats = app.bus.stats();
  return stats.connections === connections && stats.subscriptions === subscriptions;
}

async function share(browser: Browser): Promise<void> {
  const profile = await Profile.open(browser);
  const { app } = profile;
  const [first, second, third] = (await profile.tabs(3)) as [Tab, Tab, Tab];
  await second.read('sport');
  await third.read('sport');
  await eventually(() => holds(app, 1, 2));
  await app.bus.publish('sport', 'goal');
  await app.bus.publish('news.a', 1);
  expect(await first.handled(1)).toEqual([1]);
  for (const tab of [second, third]) expect(await tab.handled(2)).toEqual(['goal', 1]);

  await second.stop('sport');
  await app.bus.publish('sport', 'second goal');
  expect(await third.handled(3)).toEqual(['goal', 1, 'second goal']);
  await eventually(() => holds(app, 1, 2));
  // Whoever closes gives up what only it wanted.
  await third.page.close();
  await eventually(() => app.bus.stats().subscriptions === 1);
  expect(await second.handled(2)).toEqual(['goal', 1]);

  const other = await Profile.open(browser, app);
  await other.tabs(1);
  await eventually(() => app.bus.stats().connections === 2);
}

async function refuse(browser: Browser): Promise<void> {
  @Injectable()
  class Nobody extends Authenticator {
    authenticate(): undefined {
      return undefined;
    }
  }
  const { app, context } = await Profile.open(browser, await startSite({ authenticate: Nobody }));
  const tabs = [await Tab.open(context, app.url('/')), await Tab.open(context, app.url('/'))];
  for (const tab of tabs) {
    await tab.untilStatus('closed');
    expect((await tab.seen()).statuses.at(-1)).toBe('closed UNAUTHENTICATED');
  }
}

/** The leading tab ends, and then the next one. */
function goOnAfter(browser: Browser, end: (tab: Tab) => Promise<unknown>) {
  return async () => {
    const profile = await Profile.open(browser);
    const [first, second, third] = (await profile.tabs(3)) as [Tab, Tab, Tab];
    const last = await profile.publishDuring(async () => {
      await second.handled(5);
      await end(first);
      const { length } = await second.handled(0);
      await second.handled(length + 10);
      await end(second);
      await third.handled(length + 30);
    });
    await profile.expectAll([third], last);
  };
}

/** The leading tab does nothing for a while, and holds its lock meanwhile. */
function depose(browser: Browser, hang: (leader: Tab, isDeposed: Promise<unknown>) => Promise<unknown>) {
  return async () => {
    const profile = await Profile.open(browser);
    const [first, second] = (await profile.tabs(2)) as [Tab, Tab];
    const last = await profile.publishDuring(async () => {
      await second.handled(5);
      // So much is not on its way to a follower.
      const isDeposed = second.handled(150);
      await hang(first, isDeposed);
      await first.handled(160);
    });
    await profile.expectAll([first, second], last);
  };
}

async function freeze(leader: Tab, isDeposed: Promise<unknown>): Promise<void> {
  await leader.lifecycle('frozen');
  await isDeposed;
  await leader.lifecycle('active');
}

/** Nothing of the page runs until somebody else leads, however long that takes. */
async function block(leader: Tab, isDeposed: Promise<unknown>): Promise<void> {
  const session = await leader.page.context().newCDPSession(leader.page);
  const paused = new Promise((resolve) => session.once('Debugger.paused', resolve));
  await session.send('Debugger.enable');
  await session.send('Debugger.pause');
  await paused;
  await isDeposed;
  // It lets the page go on.
  await session.send('Debugger.disable');
  await session.detach();
}

/**
 * Runs on a page before its client: the page hears only after it has stolen the lock from itself that it had it already, and that
 * it lost it only after it leads again. A page that was frozen may hear it in this order.
 */
const hearsLate = `
  const request = LockManager.prototype.request;
  const later = () => {
    let resolve;
    return [new Promise((done) => (resolve = done)), resolve];
  };
  const [stolen, steals] = later();
  const [leading, leads] = later();
  let count = 0;
  LockManager.prototype.request = function (name, options, granted) {
    const isSteal = options.steal === true;
    if (isSteal) steals();
    // The first lock is the tab's own, the second one makes it the leader.
    if (++count === 2)
      return request
        .call(this, name, options, () => stolen.then(granted))
        .catch((error) => leading.then(() => Promise.reject(error)));
    return request.call(this, name, options, () => {
      const held = granted();
      if (isSteal) leads();
      return held;
    });
  };`;

async function robItself(browser: Browser): Promise<void> {
  const { app, context } = await Profile.open(browser);
  await context.addInitScript(hearsLate);
  const tab = await Tab.open(context, app.url('/'));
  await tab.read('news.*');
  await app.bus.publish('news.a', 1);
  expect(await tab.handled(1)).toEqual([1]);
  await eventually(() => app.bus.stats().connections === 1);
  // It leads: it does not wait for the lock any more.
  expect(await tab.page.evaluate('navigator.locks.query().then(({ pending }) => pending)')).toEqual([]);
}

/** What may become of tabs that share a connection. */
export function tabScenarios(browser: Browser): Scenarios[] {
  return [
    {
      'tabs share one connection, with what each of them wants': () => share(browser),
      'tabs are refused, and told why': () => refuse(browser),
      [`tabs come and go at random (seed ${seed})`]: async () =>
        comeAndGoAtRandom(await Profile.open(browser), seed),
    },
    {
      'tabs go on when the leading one closes': goOnAfter(browser, (tab) => tab.page.close()),
      'tabs go on when the leading one crashes': goOnAfter(browser, (tab) => tab.crash()),
      'tabs go on when the leading one goes to another site': goOnAfter(browser, (tab) =>
        tab.page.goto('about:blank'),
      ),
    },
    {
      'a tab steals the lock from itself': () => robItself(browser),
      'tabs depose a leading one that is frozen without a word': depose(browser, freeze),
      'tabs depose a leading one that hangs': depose(browser, block),
    },
  ];
}
