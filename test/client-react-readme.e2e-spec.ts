import type { Browser, Page } from 'playwright-core';
import { launchChromium, record } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { topicsRead } from './support/client-app.js';
import { bundleRecipe, loadOnServer, reactRecipes } from './support/react-recipes.js';
import { startReactSite } from './support/react-site.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

let browser: Browser;
let recipes: Record<string, string>;

beforeAll(async () => {
  browser = await launchChromium();
  recipes = await reactRecipes();
});

afterAll(() => browser?.close());

/** A page of `app` with a bundle in it. */
async function openPage(app: RunningApp, script: string, path = '/') {
  const page = await browser.newPage();
  page.setDefaultTimeout(100_000);
  afterTest(() => page.close());
  page.setDefaultTimeout(100_000);
  const { errors } = record(page);
  await page.goto(app.url(path));
  await page.addScriptTag({ content: script, type: 'module' });
  return { page, errors };
}

const shows = (page: Page, ...texts: string[]) =>
  page.waitForFunction((texts) => texts.every((text) => document.body.innerText.includes(text)), texts);

declare const document: { body: { innerText: string } };

const mount = (element: string) => `
  import { StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';
  const root = createRoot(document.body.appendChild(document.createElement('div')));
  root.render(<StrictMode>${element}</StrictMode>);
  window.end = () => root.unmount();`;

/** Nothing is left when the page is over, and nothing was said on its console. */
async function expectEnd(app: RunningApp, { page, errors }: Awaited<ReturnType<typeof openPage>>) {
  await page.evaluate('end()');
  await eventually(() => topicsRead(app).length === 0);
  expect(errors).toEqual([]);
}

const underProvider = `
  import { PushProvider } from 'nestjs-push-client/react';
  import { push } from './push';
  import * as recipe from 'recipe';`;

describe('What the README says about React', () => {
  it('has a recipe for each', () => {
    expect(Object.keys(recipes)).toEqual([
      'One client for the whole app',
      'A room',
      'Waiting',
      'Rendered on a server',
      'React Native',
    ]);
  });

  it('an app', async () => {
    const app = await startReactSite();
    await app.bus.publish('news.a', 'first');
    const code = `import { App } from 'recipe'; ${mount('<App />')}`;
    const opened = await openPage(app, await bundleRecipe(code, recipes['One client for the whole app']!));
    await shows(opened.page, 'live first');
    await app.bus.publish('news.a', 'second');
    await shows(opened.page, 'live second');
    await expectEnd(app, opened);
  });

  it('a room', async () => {
    const app = await startReactSite();
    for (let number = 1; number <= 25; number++) await app.bus.publish('rooms.1', `line ${number}.`);
    const code =
      underProvider + mount('<PushProvider push={push}><recipe.Room topic="rooms.1" /></PushProvider>');
    const opened = await openPage(app, await bundleRecipe(code, recipes['A room']!));
    const { page } = opened;
    await shows(page, 'line 25.', 'line 6.', 'ann');
    await page.getByText('Older').click();
    await shows(page, 'line 1.');
    await page.locator('input').fill('from here');
    await shows(page, 'ann is typing');
    await page.locator('input').press('Enter');
    await shows(page, 'from here');
    await page.waitForFunction("!document.body.innerText.includes('…')");
    await expectEnd(app, opened);
  });

  it('a component that waits', async () => {
    const app = await startReactSite();
    const code = underProvider + mount('<PushProvider push={push}><recipe.Page /></PushProvider>');
    const opened = await openPage(app, await bundleRecipe(code, recipes.Waiting!));
    await shows(opened.page, 'Just a moment');
    await app.bus.publish('news.a', 'loud');
    await shows(opened.page, 'LOUD');
    await expectEnd(app, opened);
  });

  it('a page that a server renders', async () => {
    const page = `
      import { connect } from 'nestjs-push-client';
      import { PushProvider, useHistory } from 'nestjs-push-client/react';
      const push = connect('/push', { lazy: true, tabs: false });
      function News({ start }) {
        return useHistory('news.a', { start }).events.map(({ id, data }) => <p key={id}>{data}</p>);
      }
      export const NewsPage = ({ start }) => <PushProvider push={push}><News start={start} /></PushProvider>;`;
    const modules = { controller: recipes['Rendered on a server']!, 'news-page': page };
    const { RenderedController } = await loadOnServer(modules);
    const app = await startReactSite({}, [RenderedController as new () => object]);
    await app.bus.publish('news.a', 'first');
    const code = `
      import { hydrateRoot } from 'react-dom/client';
      import { NewsPage } from './news-page';
      const root = hydrateRoot(document.getElementById('root'), <NewsPage start={start} />);
      window.end = () => root.unmount();`;
    const opened = await openPage(
      app,
      `await 0; ${await bundleRecipe(code, '', { './news-page': page })}`,
      '/rendered',
    );
    await app.bus.publish('news.a', 'second');
    await shows(opened.page, 'second\n\nfirst');
    // The page says nothing of its icon.
    opened.errors.splice(0, opened.errors.length, ...opened.errors.filter((text) => !text.includes('404')));
    await expectEnd(app, opened);
  });

  it('an app in React Native', async () => {
    const app = await startReactSite();
    await app.bus.publish('news.a', 'first');
    const native = `
      const listeners = new Set();
      export const AppState = {
        currentState: 'active',
        addEventListener: (_, listener) => (listeners.add(listener), { remove: () => listeners.delete(listener) }),
      };
      window.become = (state) => listeners.forEach((listener) => listener(state));`;
    const recipe = recipes['React Native']!.replace('https://example.org', app.url(''));
    const code = `
      import { push } from 'recipe';
      window.push = push;
      push.on('news.a', (data) => document.body.append(data), { from: 'last' });
      window.end = () => push.close();`;
    const modules = {
      'react-native': native,
      'react-native-get-random-values': '',
      'react-native-url-polyfill/auto': '',
    };
    const opened = await openPage(app, await bundleRecipe(code, recipe, modules));
    await shows(opened.page, 'first');
    await opened.page.evaluate("become('background')");
    await eventually(() => app.bus.stats().connections === 0);
    await app.bus.publish('news.a', 'second');
    await opened.page.evaluate("become('active')");
    await shows(opened.page, 'firstsecond');
    await expectEnd(app, opened);
  });
});
