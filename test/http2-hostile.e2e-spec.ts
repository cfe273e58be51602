import { once } from 'node:events';
import { constants, type ServerHttp2Session } from 'node:http2';
import { Controller, Get, Param } from '@nestjs/common';
import { PushResources, type ResourceOptions } from 'nestjs-push';
import { Http2Probe, type Exchange } from './support/http2-probe.js';
import { startFastify, type RunningApp } from './support/resources-app.js';

const page = 'p'.repeat(100_000);
const large = Buffer.alloc(1_000_000, 'l');
const five = ['/s/1.css', '/s/2.css', '/s/3.css', '/s/4.css', '/s/5.css'];

@Controller()
class PagesController {
  @Get()
  @PushResources(...five)
  index() {
    return page;
  }

  @Get('page/:number')
  @PushResources((request) => request.originalUrl.replace('/page/', '/s/'))
  numbered() {
    return 'page';
  }

  @Get('s/:name')
  style(@Param('name') name: string) {
    return name;
  }

  @Get('heavy/:number')
  @PushResources((request) =>
    [1, 2, 3].map((part) => request.originalUrl.replace('/heavy/', `/large/${part}-`)),
  )
  heavy() {
    return page;
  }

  @Get('large/:name')
  large() {
    return large;
  }
}

const open: { close(): Promise<void> }[] = [];

async function start(http2?: ResourceOptions): Promise<RunningApp> {
  const running = await startFastify({ controllers: [PagesController], http2 });
  open.push(running.app);
  return running;
}

async function connect(
  { port }: RunningApp,
  options?: Parameters<typeof Http2Probe.connect>[1],
): Promise<Http2Probe> {
  const probe = await Http2Probe.connect(`https://127.0.0.1:${port}`, options);
  open.push(probe);
  return probe;
}

/** Resolves when the server has done away with the session of the next client that connects. */
async function nextSessionClosed({ app }: RunningApp): Promise<void> {
  const [session] = (await once(app.getHttpServer(), 'session')) as [ServerHttp2Session];
  // A client may end it with an error, which the session then emits (from Node 24 on), and which `once` would reject with.
  await new Promise<void>((resolve) => session.once('close', () => resolve()));
}

const ending = ({ code, body }: Exchange) => ({ code, size: body.length });
const wholePage = { code: 0, size: page.length };

/** The application answers a newcomer as if nothing had happened. */
async function expectWell(running: RunningApp): Promise<void> {
  const probe = await connect(running);
  expect(ending(await probe.get('/'))).toEqual(wholePage);
  await probe.settled();
  expect(probe.pushes.map(({ path, code }) => [path, code])).toEqual(five.map((path) => [path, 0]));
}

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

it('a client that resets every pushed stream gets every page, whole', async () => {
  const running = await start();
  const probe = await connect(running);
  probe.onPush = ({ stream }) => stream.close(constants.NGHTTP2_CANCEL);
  for (let number = 0; number < 20; number++)
    expect(ending(await probe.get(`/heavy/${number}`))).toEqual(wholePage);
  await probe.settled();
  await expectWell(running);
  expect(running.pusher.stats()).toMatchObject({ promised: 65, refused: 60, failed: 0 });
  expect(running.log.warnings).toEqual([]);
});

it('a client that refuses with other codes does no more harm', async () => {
  const running = await start();
  const probe = await connect(running);
  const codes = [
    constants.NGHTTP2_REFUSED_STREAM,
    constants.NGHTTP2_INTERNAL_ERROR,
    constants.NGHTTP2_FLOW_CONTROL_ERROR,
  ];
  probe.onPush = ({ stream }) => stream.close(codes[probe.pushes.length % codes.length]);
  expect(ending(await probe.get('/heavy/1'))).toEqual(wholePage);
  await probe.settled();
  await expectWell(running);
  expect(running.pusher.stats()).toMatchObject({ promised: 8, refused: 3, failed: 0 });
});

it('SETTINGS turn push off and on again in the middle of a connection', async () => {
  const running = await start();
  const probe = await connect(running);
  const settle = async (enablePush: boolean) => {
    probe.session.settings({ enablePush });
    await once(probe.session, 'localSettings');
  };
  await probe.get('/page/1.css');
  await settle(false);
  const hinted = await probe.get('/page/2.css');
  expect(hinted.hints).toMatchObject([{ link: '</s/2.css>; rel=preload; as=style' }]);
  await settle(true);
  expect((await probe.get('/page/3.css')).hints).toEqual([]);
  await probe.settled();
  expect(probe.pushes.map(({ path }) => path)).toEqual(['/s/1.css', '/s/3.css']);
  expect(running.pusher.stats()).toMatchObject({ promised: 2, hints: 1 });
});

it('1,000 requests on one session promise each path once', async () => {
  const running = await start();
  const probe = await connect(running);
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => probe.get('/page/7.css')));
  await probe.settled();
  expect(answers.every(({ body, code }) => code === 0 && body.toString() === 'page')).toBe(true);
  expect(probe.pushes.map(({ path }) => path)).toEqual(['/s/7.css']);
  expect(running.pusher.stats()).toMatchObject({ promised: 1, skipped: { promised: 999 } });
});

it('1,000 different pages, 100 at once, never have more pushes open than the bound', async () => {
  const running = await start({ maxConcurrent: 4 });
  const probe = await connect(running);
  const openPushes = new Set<number | undefined>();
  let most = 0;
  probe.onPush = ({ stream }) => {
    openPushes.add(stream.id);
    most = Math.max(most, openPushes.size);
    stream.once('close', () => openPushes.delete(stream.id));
  };
  const answers: Exchange[] = [];
  for (let batch = 0; batch < 10; batch++) {
    const pages = Array.from({ length: 100 }, (_, number) => probe.get(`/page/${batch}-${number}.css`));
    answers.push(...(await Promise.all(pages)));
  }
  await probe.settled();
  expect(answers.every(({ body, code }) => code === 0 && body.toString() === 'page')).toBe(true);
  const { promised, skipped } = running.pusher.stats();
  expect(promised).toBe(probe.pushes.length);
  expect(promised + skipped.concurrency).toBe(1_000);
  expect(promised).toBeGreaterThan(4);
  expect(most).toBeLessThanOrEqual(5); // one may be closed on the server before the client has read its end
  // What was left out of the pushes is in the Link header all the same.
  expect(answers.every(({ headers, path }) => headers.link?.includes(path.replace('/page/', '/s/')))).toBe(
    true,
  );
});

it('1,000 different pages, one after the other, leave nothing but the newest paths behind', async () => {
  const running = await start({ maxRemembered: 10 });
  const probe = await connect(running);
  for (let number = 0; number < 1_000; number++) {
    await probe.get(`/page/${number}.css`);
    await probe.pushes.at(-1)!.done;
  }
  expect(running.pusher.stats()).toMatchObject({ promised: 1_000, refused: 0, failed: 0 });
  await probe.get('/page/995.css');
  await probe.get('/page/5.css');
  await probe.settled();
  expect(running.pusher.stats()).toMatchObject({ promised: 1_001, skipped: { promised: 1 } });
});

it('a client’s own limit of concurrent pushes holds', async () => {
  const running = await start();
  const probe = await connect(running, { settings: { maxConcurrentStreams: 3 } });
  expect(ending(await probe.get('/'))).toEqual(wholePage);
  await probe.settled();
  // Node's client counts its own request as well, and so refuses the third.
  expect(probe.pushes.map(({ path, code }) => [path, code])).toEqual([
    ['/s/1.css', 0],
    ['/s/2.css', 0],
  ]);
  expect(running.pusher.stats()).toMatchObject({ promised: 3, skipped: { concurrency: 2 } });
});

it('a client that takes no byte of what it is pushed still gets its pages', async () => {
  const running = await start({ maxConcurrent: 5 });
  const isClosed = nextSessionClosed(running);
  const probe = await connect(running);
  probe.onPush = ({ stream }) => stream.removeAllListeners('data').pause();
  for (let number = 0; number < 10; number++)
    expect(ending(await probe.get(`/heavy/${number}`))).toEqual(wholePage);
  expect(running.pusher.stats()).toMatchObject({ promised: 5, skipped: { concurrency: 25 } });
  await probe.close();
  await isClosed;
  expect(running.pusher.stats()).toMatchObject({ refused: 5 });
  await expectWell(running);
});

it('GOAWAY during a push: what was begun is completed, and a new connection begins anew', async () => {
  const running = await start();
  const probe = await connect(running);
  probe.onPush = () => {
    probe.onPush = undefined;
    probe.session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
  };
  expect(ending(await probe.get('/heavy/1'))).toEqual(wholePage);
  await probe.settled();
  expect(probe.pushes.map(({ code, body }) => [code, body.length])).toEqual([
    [0, large.length],
    [0, large.length],
    [0, large.length],
  ]);
  await expectWell(running);
  expect(running.pusher.stats()).toMatchObject({ promised: 8, refused: 0, failed: 0 });
});

it.each([
  ['leaves without a word', (probe: Http2Probe) => probe.session.destroy()],
  [
    'says that it takes no pushes any more',
    (probe: Http2Probe) => probe.session.goaway(constants.NGHTTP2_NO_ERROR, 1),
  ],
  ['closes its session', (probe: Http2Probe) => probe.session.close()],
  [
    'breaks the session',
    (probe: Http2Probe) => probe.session.destroy(new Error('Gone.'), constants.NGHTTP2_PROTOCOL_ERROR),
  ],
])('a client that %s during a push harms nobody else', async (_, leave) => {
  const running = await start();
  const isClosed = nextSessionClosed(running);
  const probe = await connect(running);
  const hasLeft = new Promise<void>((resolve) => {
    probe.onPush = () => {
      probe.onPush = undefined;
      leave(probe);
      resolve();
    };
  });
  const last = probe.get('/heavy/1');
  await hasLeft;
  await expectWell(running);
  await probe.close();
  await Promise.all([isClosed, last]);
  const { promised, failed } = running.pusher.stats();
  expect([promised, failed]).toEqual([8, 0]);
  expect(running.log.warnings).toEqual([]);
});

it('a page with more resources than allowed offers the first of them', async () => {
  const running = await start({ maxPerPage: 2 });
  const probe = await connect(running);
  const index = await probe.get('/');
  await probe.settled();
  expect(probe.pushes.map(({ path }) => path)).toEqual(['/s/1.css', '/s/2.css']);
  expect(index.headers.link).toBe('</s/1.css>; rel=preload; as=style, </s/2.css>; rel=preload; as=style');
  expect(running.pusher.stats().skipped.limit).toBe(3);
});

describe('with a cookie of digests', () => {
  it('the next connection is not pushed what the client was pushed before', async () => {
    const running = await start({ cookie: 'pushed' });
    const first = await connect(running);
    const index = await first.get('/');
    await first.settled();
    const [cookie] = index.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^pushed=[A-Za-z0-9_-]{30}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    const second = await connect(running);
    const again = await second.get('/', { cookie: `theme=dark; ${cookie!.split(';', 1)[0]}` });
    expect(second.pushes).toEqual([]);
    expect(again.headers['set-cookie']).toBeUndefined();
    expect(again.headers.link).toBe(index.headers.link);
    expect(running.pusher.stats().skipped.digest).toBe(5);
    expect((await second.get('/page/6.css')).headers['set-cookie']).toHaveLength(1);
  });
});
