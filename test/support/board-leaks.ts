import type { Browsers, Fate } from './board-fates.js';
import type { BoardSite } from './board-site.js';
import type { BoardTab, PageDocument } from './board-tab.js';
import { topicsRead } from './client-app.js';
import { eventually } from './watched.js';

declare const document: PageDocument;

/** How often the board is left and entered. */
const times = 1_000;

/** How often before anything is measured: until then code is compiled, and caches are filled. */
const rehearsals = 100;

/** In bytes: what a board may leave behind, on average. A component alone, with its handlers, would be more. */
const most = 1_000;

const unlimited = { perSecond: Infinity, burst: Infinity };

/**
 * Runs in the page: enters the board and leaves it. Every twentieth time it shows everything before it is left; else it is left as soon
 * as it is there, with everything on its way.
 */
async function enterAndLeave(times: number): Promise<void> {
  const toggle = document.querySelector('#toggle')!;
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => void (holds() ? resolve() : setTimeout(look, 0));
      look();
    });
  const everything = ['#present li', '#notes li', '#feed li', '#older', '#file'];
  for (let time = 1; time <= times; time++) {
    const parts = time % 20 === 0 ? everything : ['#board'];
    toggle.click();
    await until(() => parts.every((part) => document.querySelector(part)));
    toggle.click();
    await until(() => !document.querySelector('#board'));
  }
}

/** What a page holds once it is rid of its garbage. */
async function holdings({ page }: BoardTab) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  await session.detach();
  return { bytes: usedSize, nodes, listeners: jsEventListeners };
}

/** Leaves and enters a board that has something of everything a thousand times. */
async function enterOften(site: BoardSite, { ann }: Browsers): Promise<void> {
  await site.say('ann', ...Array.from({ length: 25 }, (_, index) => `line ${index}`));
  const tab = await site.open(ann, 'ann');
  await tab.pin('a note');
  await tab.startExport();
  await tab.until({ run: 'done', present: ['ann'] });
  await tab.page.click('#toggle');
  const readsNothing = () => eventually(() => site.app.bus.stats().subscriptions === 0);
  await readsNothing();
  await tab.page.evaluate(enterAndLeave, rehearsals);
  const before = await holdings(tab);
  await tab.page.evaluate(enterAndLeave, times);
  // One handler that is left would keep its topic.
  await readsNothing();
  const after = await holdings(tab);
  expect({ nodes: after.nodes, listeners: after.listeners }).toEqual({
    nodes: before.nodes,
    listeners: before.listeners,
  });
  expect(after.bytes - before.bytes).toBeLessThan(times * most);
  await tab.page.click('#toggle');
  await tab.until({ run: 'done', present: ['ann'], notes: ['a note at 0'] });
  await eventually(() => topicsRead(site.app).length === 6);
  expect(site.app.bus.stats().connections).toBe(1);
  expect(tab.complaints()).toEqual([]);
}

/** Nobody enters a board so often: the server would slow it down. */
const limits = {
  subscribe: unlimited,
  subscribePerPrincipal: unlimited,
  publish: unlimited,
  publishPerPrincipal: unlimited,
  messages: unlimited,
  work: unlimited,
};

export const visits: Fate = { options: { push: { limits } }, run: enterOften };
