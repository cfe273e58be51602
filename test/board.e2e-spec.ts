import type { Browser } from 'playwright-core';
import { befall, fates } from './support/board-fates.js';
import { visits } from './support/board-leaks.js';
import { BuiltPage, frameworks } from './support/board-site.js';
import { launchChromium } from './support/chromium.js';
import { together } from './support/together.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(300_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

describe.each(frameworks)('The board in %s', (framework) => {
  let page: BuiltPage;

  beforeAll(async () => {
    page = await BuiltPage.build(framework);
  });

  afterAll(() => page?.remove());

  it('loses nothing and handles nothing twice, whatever becomes of its tabs, its network and its server', async () => {
    const scenarios = Object.entries(fates).map(
      ([name, fate]) => [name, () => befall(browser, page, fate)] as const,
    );
    // Two of them wait for half a minute.
    const patient = scenarios.filter(([name]) => /30 s|expire/.test(name));
    const others = scenarios.filter((scenario) => !patient.includes(scenario));
    expect(
      await together(
        ...patient.map((scenario) => Object.fromEntries([scenario])),
        Object.fromEntries(others),
      ),
    ).toEqual([]);
  });

  it('leaves nothing behind when it is entered and left 1,000 times', () => befall(browser, page, visits));
});
