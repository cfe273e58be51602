import { connect } from 'nestjs-push-client';
import { createPush, useHistory, useLatest, usePresence, usePush, useStateMap } from 'nestjs-push-client/vue';
import type { Browser } from 'playwright-core';
import { createSSRApp, effectScope, h } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { launchChromium } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { topicsRead } from './support/client-app.js';
import { bundle, ComponentPage } from './support/component-page.js';
import { describeComponents } from './support/component-scenarios.js';
import { startComponentSite } from './support/component-site.js';
import { codeOf } from './support/readme-section.js';
import { vuePage } from './support/vue-page.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

describe('Components of Vue', () => describeComponents(vuePage));

describe('Vue on a server', () => {
  it('opens nothing, and renders what it starts with', async () => {
    const push = connect('http://127.0.0.1:1/push', { lazy: true });
    afterTest(() => push.close());
    const app = createSSRApp({
      setup() {
        const latest = useLatest<string>('board.1', { start: { data: 'a', id: 'x-1' } });
        const { entries } = useStateMap<string>('board.*', {
          start: { entries: [['board.2', 'b']], id: 'x-1' },
        });
        const { isLoading } = useHistory<string>('news.1');
        const { count } = usePresence<string>('rooms.1');
        return () =>
          h('p', [latest.value, ...entries.value.values(), isLoading.value, count.value].join(' '));
      },
    });
    app.use(createPush(push));
    expect(await renderToString(app)).toBe('<p>a b true 0</p>');
    const scope = effectScope();
    scope.run(() => app.runWithContext(() => useLatest<string>('board.1')));
    expect(push.status).toBe('idle');
    scope.stop();
  });

  it('says where the client is missing', () => {
    expect(() => usePush()).toThrow(expect.objectContaining({ code: 'NO_PROVIDER' }));
  });
});

describe('Vue in a page', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser?.close());

  it('takes over what a server has rendered, and goes on after it', async () => {
    const app = await startComponentSite();
    const id = await app.bus.publish('board.1', 'rendered');
    await app.bus.publish('board.1', 'newer');
    const page = await ComponentPage.open(
      browser,
      app.url('/'),
      await bundle(`
        import { createSSRApp, h } from 'vue';
        import { connect } from 'nestjs-push-client';
        import { createPush, useLatest } from 'nestjs-push-client/vue';
        document.body.innerHTML = '<div id="app"><p id="out">rendered</p></div>';
        window.seen = [];
        window.mount = (id) => createSSRApp({
          setup() {
            const latest = useLatest('board.1', { start: { data: 'rendered', id } });
            return () => (seen.push(latest.value), h('p', { id: 'out' }, latest.value));
          },
        }).use(createPush(connect('/push'))).mount('#app');`),
    );
    await page.page.evaluate(`void mount(${JSON.stringify(id)})`);
    await page.page.getByText('newer').waitFor();
    expect(await page.page.evaluate('seen')).toEqual(['rendered', 'newer']);
    expect(page.errors).toEqual([]);
  });

  it('keeps what <KeepAlive> hides up to date, but not present', async () => {
    const app = await startComponentSite();
    const page = await ComponentPage.open(
      browser,
      app.url('/'),
      await bundle(`
        import { createApp, h, KeepAlive, shallowRef } from 'vue';
        import { connect } from 'nestjs-push-client';
        import { createPush, useLatest, usePresence } from 'nestjs-push-client/vue';
        const isShown = shallowRef(true);
        const isThere = shallowRef(true);
        const Room = {
          setup() {
            const latest = useLatest('board.1');
            const { users, set } = usePresence('rooms.1');
            set('hello');
            return () => h('p', { id: 'out' }, [latest.value, ...users.value.map(({ data }) => data)].join(' '));
          },
        };
        const app = createApp(() => isThere.value ? h(KeepAlive, () => isShown.value ? h(Room) : null) : null);
        app.use(createPush(connect('/push'))).mount(document.body.appendChild(document.createElement('div')));
        window.mount = (shown, there) => { isShown.value = shown; isThere.value = there; };`),
    );
    await app.bus.publish('board.1', 'a');
    await page.page.getByText('a hello').waitFor();
    await page.page.evaluate('mount(false, true)');
    await eventually(() => topicsRead(app).join() === 'board.1');
    await app.bus.publish('board.1', 'b');
    await page.page.evaluate('mount(true, true)');
    await page.page.getByText('b hello').waitFor();
    await page.page.evaluate('mount(true, false)');
    await eventually(() => topicsRead(app).length === 0);
  });

  it('does what the README says', async () => {
    const [main, room] = await codeOf('Vue');
    const app = await startComponentSite();
    const component = `
      import { h, shallowRef } from 'vue';
      import { useRoom } from './room';
      export default {
        setup() {
          const { events, publish, pending, count, last } = useRoom(shallowRef('1'));
          Object.assign(window, { mount: publish });
          return () => h('p', [...events.value.map(({ data }) => data), pending.value.length, count.value, last.value].join(' '));
        },
      };`;
    const begin = 'document.body.innerHTML = \'<div id="app"></div>\';';
    const script = await bundle(`import './begin'; import './main';`, {
      './begin': begin,
      './main': main!,
      './App.vue': component,
      './room': room!,
    });
    const page = await ComponentPage.open(browser, app.url('/'), script);
    await page.page.getByText('0 1').waitFor();
    await page.page.evaluate("void mount('Hello')");
    await page.page.getByText('Hello 0 1 Hello').waitFor();
    expect(page.errors).toEqual([]);
  });
});
