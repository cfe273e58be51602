import type { Browser as Chromium } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import type { IncomingMessage } from 'node:http';
import { launchChromium } from './support/chromium.js';
import { launchFirefox } from './support/firefox.js';
import { sseClients, unclosedSources, type Runtimes } from './support/foreign-catalogue.js';
import type { ForeignClient } from './support/foreign-clients.js';
import { ForeignPrograms } from './support/foreign-programs.js';
import { ForeignSite } from './support/foreign-site.js';
import { eventually } from './support/watched.js';

/* Where libraries of SSE differ from the HTML standard, as the page about clients (libs/push/docs/clients.md) says. */

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
/** They take an id only together with data, and so they miss that of a stream's first block, and those of comments. */
const passOver = new Set([
  'EventSource of Firefox',
  'event-source-polyfill',
  'eventsource',
  'eventsource-client',
  'eventsource-parser over fetch',
  'launchdarkly-eventsource',
]);
const byName = (some: readonly ForeignClient[]) =>
  some.map((client) => [client.name, client] as [string, ForeignClient]);

function resumesFrom({ headers, url }: IncomingMessage): string | undefined {
  return headers['last-event-id']?.toString() || /lastEventId=([^&]+)/.exec(url!)?.[1];
}

/** Whether a client that has heard heartbeats and no event, and is cut, comes back with an id. */
async function keepsItsPlace(client: ForeignClient, site: ForeignSite): Promise<boolean> {
  await client.follow(site.address('news.a'));
  // A cut may come before the client has read what was sent.
  for (let cuts = 1; cuts <= 5; cuts++) {
    await eventually(() => site.requests.length >= cuts);
    await site.untilHeartbeats(3);
    site.network.reset();
    await eventually(() => site.requests.length > cuts);
    if (resumesFrom(site.requests[cuts]!)) return true;
  }
  return false;
}

describe('A client that is cut before its first event keeps its place', () => {
  it.each(byName(clients.filter(({ name }) => !passOver.has(name))))('%s', async (_, client) => {
    expect(await keepsItsPlace(client, await ForeignSite.start())).toBe(true);
  });

  it.each(byName(clients.filter(({ name }) => passOver.has(name))))(
    '%s: only where heartbeats are events',
    async (_, client) => {
      expect(await keepsItsPlace(client, await ForeignSite.start())).toBe(false);
      const site = await ForeignSite.start({ sse: { heartbeat: 'event' } });
      expect(await keepsItsPlace(client, site)).toBe(true);
    },
  );
});

it.each(byName(unclosedSources(programs, runtimes)))(
  '%s, unless it is closed at the end, stops at 204 or is told of the end again',
  async (name, client) => {
    const site = await ForeignSite.start();
    const following = await client.follow(site.address('jobs.a'));
    await site.untilHeard(following, 'jobs.a');
    await site.end('jobs.a');
    const hasStopped = () => following.all('failed').length > 0;
    await eventually(() => hasStopped() || site.requests.length > 4);
    expect(hasStopped()).toBe(name === 'EventSource of Chromium');
    if (hasStopped()) expect(site.requests.map(resumesFrom)).toEqual([undefined, 'push.end']);
  },
);

it('reconnecting-eventsource tells nothing of a refusal, and comes back for ever', async () => {
  const site = await ForeignSite.start();
  const client = clients.find(({ name }) => name === 'reconnecting-eventsource')!;
  const following = await client.follow(site.address('secrets.a'));
  await eventually(() => site.requests.length > 2);
  expect(following.said).toEqual([]);
});
