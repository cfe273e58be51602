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
  it('ask once in StrictMode, and call the latest handler, once for each event', async () => {
    const app = await startReactSite();
    for (let number = 1; number <= 3; number++) await app.bus.publish('news.a', number);
    const code = `
      window.handled = [];
      function News() {
        const [round, setRound] = useState(1);
        window.next = () => setRound((round) => round + 1);
        useEvents('news.a', (data) => handled.push(round + ':' + data), { from: 'last:2' });
        useEvents('runs.1', () => {}, { onEnded: ({ reason }) => handled.push(round + ':' + reason) });
        useEvents(round > 1 && 'secret', () => {}, { onRefused: ({ code }) => handled.push(round + ':' + code) });
        return show([round, useLatest('board.1') ?? null, useLatest('board.1') ?? null]);
      }
      mount(<><News /><pre id="first">x</pre></>);`;
    const page = await ReactPage.open(browser, app, code, { transports: ['websocket'] });
    await page.shows([1, null, null]);
    await page.page.waitForFunction('handled.length === 2');
    await page.run('next()');
    await page.shows([2, null, null]);
    await app.bus.publish('news.a', 4);
    await app.bus.publish('board.1', 'x');
    await app.bus.end('runs.1', { reason: 'done' });
    await page.shows([2, 'x', 'x']);
    await page.page.waitForFunction('handled.length === 5');
    const handled = await page.run<string[]>('handled');
    expect(handled.sort()).toEqual(['1:2', '1:3', '2:FORBIDDEN', '2:4', '2:done'].sort());
    const asked = page.subscribed.flatMap((topics) => topics.split(' '));
    expect(asked.sort()).toEqual(['board.1', 'news.a', 'runs.1', 'secret']);
    expect(page.errors).toEqual([]);
  });

  it('read nothing while there is no topic, and another one when it is another', async () => {
    const app = await startReactSite();
    await app.bus.publish('news.a', 'a');
    await app.bus.publish('news.b', 'b');
    const code = `
      window.handled = [];
      function News() {
        const [topic, setTopic] = useState();
        window.setTopic = setTopic;
        useEvents(topic, (data) => handled.push(data), { from: 'last' });
        const { events, isLoading } = useHistory(topic);
        const { users } = usePresence(topic && 'rooms.1');
        usePublish(topic);
        useRun(false);
        return show([useLatest(topic) ?? null, useStateMap(null).entries.size, events.length, users.length]);
      }
      mount(<News />);`;
    const page = await ReactPage.open(browser, app, code);
    await page.shows([null, 0, 0, 0]);
    await eventually(() => app.bus.stats().connections === 1);
    expect(topicsRead(app)).toEqual([]);
    await page.run("setTopic('news.a')");
    await page.shows(['a', 0, 1, 1]);
    await page.run("setTopic('news.b')");
    await page.shows(['b', 0, 1, 1]);
    await page.run('setTopic(null)');
    await page.shows([null, 0, 0, 0]);
    await eventually(() => topicsRead(app).length === 0);
    expect(await page.run('handled')).toEqual(['a', 'b']);
  });

  it('say what is missing where there is no provider', async () => {
    const app = await startReactSite();
    const code = `
      class Boundary extends Component {
        state = {};
        static getDerivedStateFromError = (error) => ({ error });
        render = () => (this.state.error ? show([this.state.error.code, this.state.error.message]) : this.props.children);
      }
      function Latest() {
        return show(useLatest('news.a'), 'never');
      }
      createRoot(document.body).render(<Boundary><Latest /></Boundary>);`;
    const page = await ReactPage.open(browser, app, code);
    await page.shows(['NO_PROVIDER', 'Put <PushProvider push={…}> around it.']);
  });

  it('show the same in all components, also while React renders bit by bit', async () => {
    const app = await startReactSite();
    const code = `
      window.torn = [];
      window.rounds = 0;
      const Slow = memo(function Slow({ round }) {
        const end = performance.now() + 3;
        while (performance.now() < end);
        return <i>{useLatest('news.a')}</i>;
      });
      function Page() {
        const [round, setRound] = useState(0);
        useEffect(() => {
          window.rounds = round;
          const seen = new Set([...document.querySelectorAll('i')].map((each) => each.textContent));
          if (seen.size > 1) torn.push([...seen]);
          const timer = setTimeout(() => startTransition(() => setRound(round + 1)));
          return () => clearTimeout(timer);
        });
        return <>{Array.from({ length: 20 }, (_, index) => <Slow key={index} round={round} />)}{show(useLatest('news.a') ?? null)}</>;
      }
      mount(<Page />);`;
    const page = await ReactPage.open(browser, app, code);
    await page.shows(null);
    await eventually(() => topicsRead(app).join() === 'news.a');
    for (let number = 1; number <= 30; number++) {
      await app.bus.publish('news.a', number);
      const before = await page.run<number>('rounds');
      await page.page.waitForFunction(`rounds > ${before}`);
    }
    await page.shows(30);
    expect(await page.run('torn')).toEqual([]);
  });

  it('go on where they were in a component that was hidden', async () => {
    const app = await startReactSite();
    const code = `
      window.handled = [];
      function News() {
        useEvents('news.a', (data) => handled.push(data), { from: 'start' });
        return null;
      }
      function App() {
        const [mode, setMode] = useState('visible');
        window.setMode = setMode;
        return <><React.Activity mode={mode}><News /></React.Activity>{show(mode)}</>;
      }
      mount(<App />);`;
    await app.bus.publish('news.a', 1);
    const page = await ReactPage.open(browser, app, code);
    await page.page.waitForFunction('handled.length === 1');
    await page.run("setMode('hidden')");
    await eventually(() => topicsRead(app).length === 0);
    await app.bus.publish('news.a', 2);
    await page.run("setMode('visible')");
    await page.page.waitForFunction('handled.length === 2');
    await app.bus.publish('news.a', 3);
    await page.page.waitForFunction('handled.length >= 3');
    expect(await page.run('handled')).toEqual([1, 2, 3]);
  });

  it('leave nothing behind after 1,000 mounts and unmounts', async () => {
    const app = await startReactSite();
    const code = `
      function Everything({ number }) {
        useEvents('news.a', () => {});
        useRun('runs.1');
        usePublish('rooms.1');
        usePresence('rooms.1');
        useHistory('news.b', { start: { events: [] } });
        useStateMap('board.*');
        useLatest('news.' + number);
        return null;
      }
      function App() {
        const [number, setNumber] = useState(0);
        const [isOver, setOver] = useState(false);
        window.setOver = setOver;
        useEffect(() => {
          const timer = number < 1000 && setTimeout(() => setNumber(number + 1));
          return () => clearTimeout(timer);
        }, [number]);
        return <>{isOver || <Everything key={number} number={number % 7} />}{show(number)}</>;
      }
      mount(<App />);`;
    const page = await ReactPage.open(browser, app, code);
    await page.page.waitForFunction("document.getElementById('out')?.textContent === '1000'");
    const expected = [
      '$presence.rooms.1.>',
      '$run.runs.1',
      'board.*',
      'news.6',
      'news.a',
      'news.b',
      'rooms.1',
      'runs.1',
    ];
    await eventually(() => topicsRead(app).join() === expected.join());
    expect(app.bus.stats().connections).toBe(1);
    await page.run('setOver(true)');
    await eventually(() => topicsRead(app).length === 0);
    expect([...page.errors, ...(await page.told())]).toEqual([]);
  });
});
