import type { Browser as Chromium } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { launchChromium } from './support/chromium.js';
import { CompressedAudience } from './support/compressed-audience.js';
import { launchFirefox } from './support/firefox.js';
import { hearersOf, nodeHearers, pythonHearer, wsHearer, type Hearer } from './support/hearers.js';

/* What others have written reads what is compressed here: browsers, other libraries. */

// Browsers on a busy machine take their time.
import.meta.jest.setTimeout(240_000);

let chromium: Chromium;
let firefox: Firefox;

beforeAll(async () => {
  [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
});

afterAll(() => Promise.all([chromium?.close(), firefox?.close()]));

/** The clients of both browsers. @param url a page of the application */
async function browserHearers(url: string, isWebSocket: boolean): Promise<Hearer[]> {
  const pages = await Promise.all([chromium.newPage(), firefox.newPage()]);
  const hearers: Hearer[] = [];
  for (const [index, page] of pages.entries()) {
    page.setDefaultTimeout(100_000);
    await page.goto(url);
    hearers.push(...(await hearersOf(['Chromium', 'Firefox'][index]!, page)));
  }
  return hearers.filter((hearer) => hearer.isWebSocket === isWebSocket);
}

/** Everybody comes one after the other, to an audience that is further on each time, and hears all that follows, as it is. */
async function prove(audience: CompressedAudience, hearers: readonly Hearer[]): Promise<void> {
  for (const hearer of hearers) await audience.admit(hearer);
  expect(await audience.publishUntilLighter()).toBe(hearers.length);
  for (const hearer of hearers) {
    const expected = audience.expected(hearer);
    const agreed = hearer.isWebSocket ? expect.stringMatching(/^permessage-deflate/) : 'gzip';
    expect((await hearer.encoding()) ?? 'gzip').toEqual(agreed);
    const heard = await hearer.heard(expected.length);
    const wrong = heard.findIndex((text, index) => text !== expected[index]);
    // The texts are too long to be told apart by a person.
    expect({ name: hearer.name, count: heard.length, wrong }).toEqual({
      name: hearer.name,
      count: expected.length,
      wrong: -1,
    });
  }
}

describe('Clients that come late, and are told things alone between the events, decode all of them', () => {
  it('over SSE: Chromium, Firefox, and Node', async () => {
    const audience = await CompressedAudience.start('express');
    const inBrowsers = await browserHearers(audience.app.url('/'), false);
    await prove(audience, [...inBrowsers, ...nodeHearers().filter(({ isWebSocket }) => !isWebSocket)]);
  });

  it('over WebSocket: Chromium, Firefox, Node, ws, and Python', async () => {
    const audience = await CompressedAudience.start('fastify', 60_000);
    const inBrowsers = await browserHearers(audience.app.url('/'), true);
    const inNode = nodeHearers().filter(({ isWebSocket }) => isWebSocket);
    await prove(audience, [wsHearer(), ...inBrowsers, ...inNode, pythonHearer()]);
  });
});
