import type { Browser } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { topicsRead } from './support/client-app.js';
import { ReactPage, startReactSite } from './support/react-site.js';
import { eventually } from './support/watched.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

describe('Hooks', () => {
  it('suspend until there is something to show, also once for several that show the same', async () => {
    const app = await startReactSite();
    await app.bus.publish('board.1', 'x');
    const code = `
      window.renders = [];
      function Latest({ id }) {
        const data = useLatest('news.a', { suspend: true });
        renders.push(data);
        return show(data, id);
      }
      function Others() {
        const { entries } = useStateMap('board.*', { suspend: true });
        const { events } = useHistory('news.b', { suspend: true });
        return show([[...entries], events.length], 'others');
      }
      mount(<>
        <Suspense fallback={show('wait')}><Latest id="one" /><Latest id="two" /></Suspense>
        <Suspense fallback={null}><Others /></Suspense>
      </>);`;
    const page = await ReactPage.open(browser, app, code);
    await page.shows('wait');
    await page.shows([[['board.1', 'x']], 0], 'others');
    await app.bus.publish('news.a', 'first');
    await page.shows('first', 'one');
    await page.shows('first', 'two');
    await app.bus.publish('news.a', 'second');
    await page.shows('second', 'one');
    expect(new Set(await page.run<string[]>('renders'))).toEqual(new Set(['first', 'second']));
    expect(page.errors).toEqual([]);
    await page.run('unmount()');
    await eventually(() => topicsRead(app).length === 0);
  });

  it('throw what the server refuses, where a component waits for it', async () => {
    const app = await startReactSite();
    const code = `
      class Boundary extends Component {
        state = {};
        static getDerivedStateFromError = (error) => ({ error });
        render = () => (this.state.error ? show(this.state.error.code) : this.props.children);
      }
      function Latest() {
        return show(useLatest('secret', { suspend: true }), 'never');
      }
      function Views() {
        return show([useStateMap('secret.*').error?.code ?? null, useLatest('secret') ?? null], 'views');
      }
      mount(<><Boundary><Suspense fallback="wait"><Latest /></Suspense></Boundary><Views /></>);`;
    const page = await ReactPage.open(browser, app, code);
    await page.shows('FORBIDDEN');
    await page.shows(['FORBIDDEN', null], 'views');
  });

  it('let go of what a component has waited for that never came', async () => {
    const app = await startReactSite();
    const code = `
      function Latest() {
        return show(useLatest('news.a', { suspend: true }), 'never');
      }
      mount(<Suspense fallback={show('wait')}><Latest /></Suspense>);`;
    const page = await ReactPage.open(browser, app, code);
    await page.shows('wait');
    await eventually(() => topicsRead(app).join() === 'news.a');
    await page.run('unmount()');
    await eventually(() => topicsRead(app).length === 0);
  });
});
