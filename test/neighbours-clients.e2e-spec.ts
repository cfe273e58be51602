import type { Browser as Chromium } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { launchChromium } from './support/chromium.js';
import { launchFirefox } from './support/firefox.js';
import { sseClients, webSocketClients, type Runtimes } from './support/foreign-catalogue.js';
import type { ForeignClient } from './support/foreign-clients.js';
import { ForeignPrograms } from './support/foreign-programs.js';
import { ForeignSite, lively } from './support/foreign-site.js';

/* Clients that nobody here wrote, as the page about them has them (libs/push/docs/clients.md). The server has its defaults. */

// Browsers on a busy machine take their time.
import.meta.jest.setTimeout(120_000);

const programs = await ForeignPrograms.unpack();
let chromium: Chromium;
let firefox: Firefox;
const runtimes: Runtimes = { node: () => 'node', chromium: () => chromium, firefox: () => firefox };

beforeAll(async () => {
  [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
});

afterAll(() => Promise.all([chromium?.close(), firefox?.close(), programs.remove()]));

const overSse = sseClients(programs, runtimes);
const overWebSocket = webSocketClients(programs, runtimes);
const all = [...overSse, ...overWebSocket];

const byName = (clients: readonly ForeignClient[]) =>
  clients.map((client) => [client.name, client] as [string, ForeignClient]);

it.each(byName(all))('%s hears every event once and in order, whatever is cut', async (_, client) => {
  const site = await ForeignSite.start(lively);
  const following = await client.follow(site.address('news.a'));
  const first = await site.untilHeard(following);
  await site.publishMany(20);
  await site.untilCaughtUp(following, first);
  for (let cuts = 0; cuts < 3; cuts++) {
    await site.publishMany(5);
    site.network.reset();
    await site.publishMany(5);
    await site.untilCaughtUp(following, first);
  }
  await site.untilHeartbeats(3);
  await site.publishMany(1);
  await site.untilCaughtUp(following, first);
  expect(following.all('gap')).toEqual([]);
});

it.each(byName(all))(
  '%s goes from server to server without a hole, and is told of a lost log',
  async (_, client) => {
    const site = await ForeignSite.startCluster(3);
    const following = await client.follow(site.address('news.a'));
    const first = await site.untilHeard(following);
    for (let servers = 0; servers < 2; servers++) {
      await site.deploy();
      await site.publishMany(5);
      await site.untilCaughtUp(following, first);
    }
    expect(following.all('gap')).toEqual([]);
    await site.loseEverything();
    await following.until(() => following.all('gap').length > 0);
    const heard = following.said.length;
    await site.publishMany(5);
    await following.until(() => following.said.length >= heard + 5);
    await site.untilCaughtUp(following, first);
    expect(following.all('gap')).toEqual([expect.objectContaining({ reason: 'epoch', topics: ['news.a'] })]);
  },
);

it.each(byName(all))('%s stops at the end of a finite topic', async (_, client) => {
  const site = await ForeignSite.start();
  const following = await client.follow(site.address('jobs.a'));
  await site.untilHeard(following, 'jobs.a');
  await site.end('jobs.a');
  await following.until(() => following.all('ended').length > 0);
  expect(following.said.at(-1)).toEqual([
    'ended',
    expect.objectContaining({ topic: 'jobs.a', reason: 'done' }),
  ]);
  await site.untilAlone();
  await following.child?.untilExit();
  expect(site.requests).toHaveLength(1);
});

/** How clients show a status from 400 to 499. Those of browsers are told nothing but that it is over. */
const shown: Readonly<Record<string, (status: number) => unknown>> = {
  'EventSource of Chromium': () => null,
  'EventSource of Firefox': () => null,
  'WebSocket of Chromium': () => null,
  'WebSocket of Firefox': () => null,
  ws: (status) => `Unexpected server response: ${status}`,
};

const tells = all.filter(({ name }) => name !== 'reconnecting-eventsource');

it.each(byName(tells))('%s tells that it is refused', async (name, client) => {
  const site = await ForeignSite.start();
  const show = shown[name] ?? ((status: number) => status);
  const stranger = await client.follow(site.address('news.a', 'no-ticket'));
  await stranger.until(() => stranger.said.length > 0);
  expect(stranger.said[0]).toEqual(['failed', show(401)]);
  const curious = await client.follow(site.address('secrets.a'));
  await curious.until(() => curious.said.length > 0);
  expect(curious.said).toEqual([['failed', overSse.includes(client) ? show(403) : 'FORBIDDEN']]);
  await curious.child?.untilExit();
});

it.each(byName(all))('%s gets an event again in the middle of which it was cut', async (_, client) => {
  const site = await ForeignSite.start();
  const following = await client.follow(site.address('news.a'));
  const first = await site.untilHeard(following);
  await site.cutWithin(following, first);
  await site.publishMany(1);
  await site.untilCaughtUp(following, first);
});
