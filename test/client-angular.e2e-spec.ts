import type { Browser } from 'playwright-core';
import { angularPage, zonePage } from './support/angular-page.js';
import { launchChromium } from './support/chromium.js';
import { bundle, ComponentPage } from './support/component-page.js';
import { describeComponents } from './support/component-scenarios.js';
import { startComponentSite } from './support/component-site.js';
import { codeOf } from './support/readme-section.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

describe('Components of Angular', () => describeComponents(angularPage));

describe('Components of Angular with zone.js', () => describeComponents(zonePage));

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

  it('updates plain fields with zone.js, whose application is stable all the time', async () => {
    const app = await startComponentSite();
    const script = await bundle(`
      import 'zone.js';
      import '@angular/compiler';
      import { Component, provideZoneChangeDetection } from '@angular/core';
      import { bootstrapApplication } from '@angular/platform-browser';
      import { connect } from 'nestjs-push-client';
      import { injectEvents, providePush } from 'nestjs-push-client/angular';
      @Component({ selector: 'app-plain', template: 'last: {{ last }}' })
      class Plain {
        last = 'none';
        constructor() {
          injectEvents('news.1', (word) => (this.last = word), { from: 'earliest' });
        }
      }
      document.body.append(document.createElement('app-plain'));
      const providers = [provideZoneChangeDetection(), providePush(() => connect('/push', { lazy: true }))];
      const plain = bootstrapApplication(Plain, { providers });
      window.mount = () => plain.then((app) => app.whenStable());`);
    const page = await ComponentPage.open(browser, app.url('/'), script);
    for (const word of ['a', 'b']) {
      await app.bus.publish('news.1', word);
      await page.page.getByText(`last: ${word}`).waitFor();
      await page.page.evaluate('mount()');
    }
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
