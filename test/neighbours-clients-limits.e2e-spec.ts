import type { Browser as Chromium } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import type { IncomingMessage } from 'node:http';
import { launchChromium } from './support/chromium.js';
import { launchFirefox } from './support/firefox.js';
import { sseClients, unclosedSources, type Runtimes } from './support/foreign-catalogue.js';
import type { ForeignClient } from './support/foreign-clients.js';
import { ForeignPrograms } from './support/foreign-programs.js';
import { ForeignSite, lively } from './support/foreign-site.js';
import { eventually } from './support/watched.js';

/* Where libraries of SSE differ from each other, and where they do not, as the page about clients (libs/push/docs/clients.md) says. */

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

const clients = sseClients(programs, runtimes);
/** What those do at 204 that do not stop there. */
const atTheEnd = new Map([
  ['reconnecting-eventsource', 'comes back'],
  ['sse.js', 'comes back'],
]);
const byName = (some: readonly ForeignClient[]) =>
  some.map((client) => [client.name, client] as [string, ForeignClient]);

function resumesFrom({ headers, url }: IncomingMessage): string | undefined {
  return headers['last-event-id']?.toString() || /lastEventId=([^&]+)/.exec(url!)?.[1];
}

/** Cuts a client that has heard no event, until it comes back with an id. */
async function cutUntilItResumes(site: ForeignSite): Promise<void> {
  // A cut may come before the client has read what was sent.
  for (let cuts = 1; cuts <= 5; cuts++) {
    await eventually(() => site.requests.length >= cuts);
    await site.untilHeartbeats(3);
    site.network.reset();
    await eventually(() => site.requests.length > cuts);
    if (resumesFrom(site.requests[cuts]!)) return;
  }
  throw new Error('It never came back with an id.');
}

it.each(byName(clients))('%s misses nothing if it is cut before its first event', async (_, client) => {
  const site = await ForeignSite.start(lively);
  const following = await client.follow(site.address('news.a'));
  await cutUntilItResumes(site);
  site.network.refuse();
  await site.publishMany(3);
  site.network.heal();
  await site.untilCaughtUp(following, 1);
  expect(following.all('gap')).toEqual([]);
});

it.each(byName(unclosedSources(programs, runtimes)))(
  '%s, unless it is closed at the end, is answered 204',
  async (name, client) => {
    const site = await ForeignSite.start();
    const following = await client.follow(site.address('jobs.a'));
    await site.untilHeard(following, 'jobs.a');
    await site.end('jobs.a');
    const hasStopped = () => following.all('failed').length > 0;
    await eventually(() => hasStopped() || site.requests.length > 4);
    expect(site.requests.slice(0, 2).map(resumesFrom)).toEqual([undefined, 'push.end']);
    expect(hasStopped() ? 'stops' : 'comes back').toBe(atTheEnd.get(name) ?? 'stops');
    if (hasStopped()) expect(following.all('ended')).toHaveLength(1);
  },
);

it('reconnecting-eventsource tells nothing of a refusal, and comes back for ever', async () => {
  const site = await ForeignSite.start();
  const client = clients.find(({ name }) => name === 'reconnecting-eventsource')!;
  const following = await client.follow(site.address('secrets.a'));
  await eventually(() => site.requests.length > 2);
  expect(following.said).toEqual([]);
});
