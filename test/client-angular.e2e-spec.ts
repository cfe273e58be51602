import type { Browser } from 'playwright-core';
import { angularPage } from './support/angular-page.js';
import { launchChromium } from './support/chromium.js';
import { bundle, ComponentPage } from './support/component-page.js';
import { describeComponents } from './support/component-scenarios.js';
import { startComponentSite } from './support/component-site.js';
import { codeOf } from './support/readme-section.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

describe('Components of Angular', () => describeComponents(angularPage));

describe('Angular in a page', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser?.close());

  it('does what the README says', async () => {
    const [room] = await codeOf('Angular');
    const app = await startComponentSite();
    await app.bus.publish('rooms.42', 'Earlier');
    const script = await bundle(`import './begin'; import './room'; window.mount = () => {};`, {
      './begin': `
        import '@angular/compiler';
        document.body.append(document.createElement('app-room'));`,
      './room': room!,
    });
    const page = await ComponentPage.open(browser, app.url('/'), script);
    await page.page.getByText('Earlier').waitFor();
    await page.page.getByText('1 here, last:').waitFor();
    await app.bus.publish('rooms.42', 'Hello');
    await page.page.getByText('1 here, last: Hello').waitFor();
    expect(page.errors).toEqual([]);
  });

  it('opens nothing on a server, and closes what a function has made', async () => {
    const app = await startComponentSite();
    const script = await bundle(`
      import '@angular/compiler';
      import { createEnvironmentInjector, PLATFORM_ID, runInInjectionContext } from '@angular/core';
      import { createApplication } from '@angular/platform-browser';
      import { connect } from 'nestjs-push-client';
      import { injectLatest, injectPush, providePush } from 'nestjs-push-client/angular';
      const app = await createApplication();
      window.mount = async () => {
        const server = createEnvironmentInjector(
          [{ provide: PLATFORM_ID, useValue: 'server' }, providePush(() => connect('/push', { lazy: true }))], app.injector);
        const [push, latest] = runInInjectionContext(server, () =>
          [injectPush(), injectLatest('board.1', { start: { data: 'rendered', id: 'x-1' } })]);
        await app.whenStable();
        const before = push.status;
        server.destroy();
        return [latest(), before, push.status].join(' ');
      };`);
    const page = await ComponentPage.open(browser, app.url('/'), script);
    expect(await page.page.evaluate('mount()')).toBe('rendered idle closed');
  });
});
