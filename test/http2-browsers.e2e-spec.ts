import type { IncomingMessage } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import { launchTrustingChromium, record } from './support/chromium.js';
import { DeskProcess } from './support/desk-process.js';
import { launchFirefox } from './support/firefox.js';
import { Http2Probe } from './support/http2-probe.js';
import { openHttp2Sse } from './support/http2-sse.js';
import { openHttp2WebSocket } from './support/http2-websocket.js';
import { start } from './support/one-port-app.js';
import type { RunningApp } from './support/start-app.js';

/* What Chromium and Firefox make of a port that serves HTTP/2, and the live desk on such a port. */

describe('a browser', () => {
  /** Which HTTP each request came by, and on which session those of HTTP/2: their numbers. */
  function observe(app: RunningApp): { requests: string[]; sessions: Map<string, number> } {
    const requests: string[] = [];
    const sessions = new Map<string, number>();
    let count = 0;
    app.server.on('session', (session: ServerHttp2Session) => {
      const number = ++count;
      session.on('stream', (_, headers) => {
        const protocol = headers[':protocol'] ? ` ${headers[':protocol']}` : '';
        requests.push(`${headers[':method']} ${headers[':path']}${protocol}`);
        sessions.set(String(headers[':path']), number);
      });
    });
    for (const event of ['request', 'upgrade'])
      app.server.on(event, ({ httpVersion, url }: IncomingMessage) => {
        if (httpVersion !== '2.0') requests.push(`HTTP/${httpVersion} ${url}`);
      });
    return { requests, sessions };
  }

  const isComplete = 'got.length >= 4';
  const expected = ['SSE: one', 'SSE: two', 'WebSocket: one', 'WebSocket: two'];

  /** Page, style sheet, stream and WebSocket came over one HTTP/2 connection, and the style sheet once. */
  function expectOneConnection({ requests, sessions }: ReturnType<typeof observe>): void {
    expect(requests.toSorted()).toEqual([
      'CONNECT /push websocket',
      'GET /',
      'GET /events',
      'GET /style.css',
    ]);
    expect(new Set(sessions.values()).size).toBe(1);
  }

  it('Chromium: the WebSocket’s frames, the stream and the page with its asset share one connection', async () => {
    const app = await start();
    const observed = observe(app);
    const browser = await launchTrustingChromium(app.port);
    try {
      const tab = await browser.newPage();
      tab.setDefaultTimeout(100_000);
      const frames: string[] = [];
      tab.on('websocket', (socket) =>
        socket.on('framereceived', ({ payload }) => frames.push(String(payload))),
      );
      const { errors } = record(tab);
      await tab.goto(app.url('/'));
      await app.bus.publish('a.1', 'one');
      await app.bus.publish('a.1', 'two');
      await tab.waitForFunction(isComplete);
      expect(await tab.evaluate('got.toSorted()')).toEqual(expected);
      expect(frames.filter((frame) => frame.includes('"message"'))).toHaveLength(2);
      expect(await tab.evaluate('performance.getEntriesByType("navigation")[0].nextHopProtocol')).toBe('h2');
      expect(errors).toEqual([]);
      expectOneConnection(observed);
      await app.nest.close();
      await tab.waitForFunction('got.includes("closed: 1012")');
    } finally {
      await browser.close();
    }
  }, 180_000);

  it('Firefox: the same', async () => {
    const app = await start();
    const observed = observe(app);
    const browser = await launchFirefox();
    try {
      const tab = await browser.newPage();
      tab.setDefaultTimeout(100_000);
      await tab.goto(app.url('/'));
      await app.bus.publish('a.1', 'one');
      await app.bus.publish('a.1', 'two');
      await tab.waitForFunction(isComplete);
      expect(await tab.evaluate('got.toSorted()')).toEqual(expected);
      expectOneConnection(observed);
      await app.nest.close();
      await tab.waitForFunction('got.includes("closed: 1012")');
    } finally {
      await browser.close();
    }
  }, 180_000);
});

describe('npm run start:h2', () => {
  it('serves the live desk to Chromium over one HTTP/2 connection, and fetches each asset once', async () => {
    const desk = await DeskProcess.start(0, '--h2');
    const browser = await launchTrustingChromium(desk.port);
    try {
      const tab = await browser.newPage();
      tab.setDefaultTimeout(100_000);
      const { errors } = record(tab);
      await tab.goto(desk.url);
      await tab.locator('#sse[data-state=open]').waitFor();
      await tab.locator('#websocket[data-state=open]').waitFor();
      await tab.getByLabel('Note', { exact: true }).fill('Over HTTP/2');
      await tab.getByRole('button', { name: 'Send' }).click();
      await tab.locator('#notes').getByText('Over HTTP/2', { exact: true }).waitFor();
      const fetched = (await tab.evaluate(
        'performance.getEntriesByType("resource").map(({ name, nextHopProtocol }) => [new URL(name).pathname, nextHopProtocol])',
      )) as [string, string][];
      const assets = fetched.filter(([path]) => /\.(js|css)$/.test(path));
      expect(assets.length).toBeGreaterThan(7);
      expect(new Set(assets.map(([path]) => path)).size).toBe(assets.length);
      expect(new Set(assets.map(([, protocol]) => protocol))).toEqual(new Set(['h2']));
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
      await desk.end('SIGTERM');
    }
  }, 180_000);

  it('pushes the desk’s files to a client that takes pushes, with TLS and in clear text', async () => {
    for (const protocol of ['--h2', '--h2c']) {
      const desk = await DeskProcess.start(0, protocol);
      try {
        const client = await Http2Probe.connect(desk.url);
        const { headers } = await client.get('/');
        await client.settled();
        const offered = [...String(headers.link).matchAll(/<([^>]+)>/g)].map(([, path]) => [path, 0]);
        expect(offered).toContainEqual(['/style.css', 0]);
        expect(offered.length).toBeGreaterThan(7);
        expect(client.pushes.map(({ path, code }) => [path, code])).toEqual(offered);
        const { reader } = await openHttp2Sse(client.session, '/machine/figures');
        await reader.untilEvents(1);
        await openHttp2WebSocket(client.session);
        await client.close();
      } finally {
        await desk.end();
      }
    }
  });
});
