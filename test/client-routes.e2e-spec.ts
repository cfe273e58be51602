import { routeOf } from 'nestjs-push-client/route';
import { from, take, toArray } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { clientFor, RouteRecord, startRoutes, tokens } from './support/route-app.js';
import { SharedMemory } from './support/shared-memory.js';
import { platforms, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

async function proxyOf(app: RunningApp) {
  const proxy = await TcpProxy.start(app.port);
  afterTest(() => proxy.dispose());
  return { proxy, url: `http://127.0.0.1:${proxy.port}` };
}

async function publish(app: RunningApp, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number++) await app.bus.publish('orders.42', number);
}

const numbers = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe.each(platforms)("A route of the application's own, with %s", (platform) => {
  it('brings events with their data and ids, to handlers, loops and observables', async () => {
    const app = await startRoutes(platform);
    const push = clientFor(app.url('/'));
    const record = new RouteRecord(push);
    await record.live;
    expect(record.route.status).toBe('live');
    const id = await app.bus.publish('orders.42', { status: 'paid' }, { type: 'note' });
    await app.bus.publish('orders.42', 'two\nlines');
    await record.untilHandled(2);
    expect(record.events).toEqual([
      { topic: '/orders/42/events', id, type: 'note', data: { status: 'paid' } },
      expect.objectContaining({ data: 'two\nlines' }),
    ]);
    const all = routeOf(push, '/orders/42/all', { envelope: true });
    const both = await new Promise((resolve, reject) =>
      from(all.events()).pipe(take(2), toArray()).subscribe({ next: resolve, error: reject }),
    );
    expect(both).toMatchObject([
      { topic: 'orders.42', id, data: { status: 'paid' } },
      { data: 'two\nlines' },
    ]);
    expect(push.status).toBe('idle');
    push.close();
    expect(record.route.status).toBe('closed');
    await eventually(() => app.bus.stats().connections === 0);
  });

  it('resumes where it was cut, without a hole or a repeat', async () => {
    const app = await startRoutes(platform);
    const { proxy, url } = await proxyOf(app);
    const record = new RouteRecord(clientFor(url));
    await record.live;
    // Cut before the first event, and in the middle.
    for (let cut = 0; cut < 5; cut++) {
      proxy.reset();
      await publish(app, 4 * cut + 1, 4 * cut + 4);
      await record.untilHandled(4 * cut + 3);
    }
    await record.untilHandled(20);
    expect(record.handled).toEqual(numbers(20));
    expect(record.notices).toEqual([]);
  });

  it('goes on at another node of the same log, and is told of a gap by one of another log', async () => {
    const memory = new SharedMemory();
    const app = await startRoutes(platform, { backplane: memory.node() });
    const restarted = await startRoutes(platform, { backplane: memory.node() });
    const { proxy, url } = await proxyOf(app);
    const record = new RouteRecord(clientFor(url));
    await record.live;
    await publish(app, 1, 2);
    await record.untilHandled(2);
    proxy.redirect(restarted.port);
    await publish(restarted, 3, 4);
    await record.untilHandled(4);
    expect(record.notices).toEqual([]);
    const other = await startRoutes(platform);
    proxy.redirect(other.port);
    await record.until(() => record.notices.length > 0);
    await publish(other, 5, 6);
    await record.untilHandled(6);
    expect(record.handled).toEqual(numbers(6));
    expect(record.notices).toEqual(['gap epoch']);
  });

  it('asks for another token when the first has expired, and misses nothing', async () => {
    const app = await startRoutes(platform);
    tokens.seen.length = 0;
    tokens.good.clear();
    let count = 0;
    const token = () => {
      const next = `token ${++count}`;
      tokens.good.set(next, Date.now() + (count < 3 ? 1_500 : 600_000));
      return next;
    };
    const record = new RouteRecord(clientFor(app.url('/'), { token }));
    await record.live;
    for (let number = 1; new Set(tokens.seen).size < 3; number++) {
      await publish(app, number, number);
      await record.untilHandled(number);
    }
    const sent = record.handled.length;
    await record.untilStatus('live', 3);
    await publish(app, sent + 1, sent + 1);
    await record.untilHandled(sent + 1);
    expect(record.handled).toEqual(numbers(sent + 1));
  });

  it('is over after the end of a finite topic, and asks no more', async () => {
    const app = await startRoutes(platform);
    const push = clientFor(app.url('/'));
    const record = new RouteRecord(push, '/orders/42/answer');
    await record.live;
    await app.bus.publish('runs.42', 'a');
    await app.bus.publish('runs.42', 'b');
    await app.bus.end('runs.42', { reason: 'done' });
    await record.untilStatus('closed');
    expect(record.handled).toEqual(['a', 'b']);
    expect(record.notices).toEqual(['runs.42 done']);
    expect(record.changes.at(-1)).toEqual({ status: 'closed', error: undefined });
    const late = routeOf(push, '/orders/42/answer').events();
    const read: unknown[] = [];
    for await (const { data } of late) read.push(data);
    expect(read).toEqual(['a', 'b']);
    expect(late.ended).toMatchObject({ reason: 'done' });
    await routeOf(push, '/orders/42/answer', { from: 'push.end' }).on(() => undefined).live;
    expect(app.bus.stats().connections).toBe(0);
  });

  it.each([
    ['secret', 'FORBIDDEN'],
    ['nowhere', 'HTTP_404'],
  ])('ends if it is refused: %s', async (path, code) => {
    const app = await startRoutes(platform);
    const errors: unknown[] = [];
    const push = clientFor(app.url('/'), { onError: (error) => errors.push(error) });
    const record = new RouteRecord(push, `/orders/42/${path}`);
    const refusal = { name: 'PushError', code, retryable: false };
    await expect(record.live).rejects.toMatchObject(refusal);
    expect(record.changes.at(-1)).toMatchObject({ status: 'closed', error: refusal });
    expect(errors).toMatchObject([refusal]);
    await expect(record.route.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
  });

  it('is live at once where nothing is said by itself', async () => {
    const app = await startRoutes(platform);
    const record = new RouteRecord(clientFor(app.url('/')), '/orders/42/foreign', { heartbeat: Infinity });
    await record.live;
    record.route.close();
    expect(record.changes.map(({ status }) => status)).toEqual(['connecting', 'live', 'closed']);
  });

  it('waits for another token while it is refused with the one that it has', async () => {
    const app = await startRoutes(platform);
    let token = 'bad';
    const record = new RouteRecord(clientFor(app.url('/'), { token: () => token }));
    await record.untilStatus('waiting');
    tokens.good.set('good', Date.now() + 600_000);
    token = 'good';
    await record.live;
  });

  it('is opened again by reconnect() of the client, whose own connection is not opened for that', async () => {
    const app = await startRoutes(platform);
    let user: string | undefined;
    const push = clientFor(app.url('/'), { token: () => user });
    const record = new RouteRecord(push, '/orders/42/mine');
    await record.untilStatus('closed');
    expect(record.changes.at(-1)).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
    tokens.good.set('ann', Date.now() + 600_000);
    user = 'ann';
    push.reconnect();
    await record.live;
    push.reconnect();
    await record.untilStatus('live', 2);
    await publish(app, 1, 1);
    await record.untilHandled(1);
    expect(push.status).toBe('idle');
    // A route that is closed is forgotten.
    record.route.close();
    expect(push.reconnects.size).toBe(0);
  });

  it('notices a connection that is dead without a word', async () => {
    const app = await startRoutes(platform);
    const { proxy, url } = await proxyOf(app);
    const record = new RouteRecord(clientFor(url));
    await record.live;
    await publish(app, 1, 2);
    await record.untilHandled(2);
    proxy.blackhole();
    await record.untilStatus('waiting');
    await publish(app, 3, 4);
    proxy.heal();
    await record.untilHandled(4);
    expect(record.handled).toEqual(numbers(4));
  });

  it('holds back no other reader for a loop that is slow', async () => {
    const app = await startRoutes(platform);
    const push = clientFor(app.url('/'));
    const record = new RouteRecord(push);
    await record.live;
    const loop = record.route.events({ limit: 3, from: record.route.position })[Symbol.asyncIterator]();
    const first = loop.next();
    await publish(app, 1, 30);
    await record.untilHandled(30);
    const read = [(await first).value?.data];
    while (read.length < 30) read.push((await loop.next()).value?.data);
    expect(read).toEqual(numbers(30));
    await loop.return!();
  });

  it('follows a server that shuts down to the one that comes next', async () => {
    const app = await startRoutes(platform, { shutdownTimeout: 2_000 });
    const { proxy, url } = await proxyOf(app);
    const record = new RouteRecord(clientFor(url));
    await record.live;
    const next = await startRoutes(platform, {});
    proxy.pointTo(next.port);
    await app.shutDown();
    await record.untilStatus('live', 2);
    // What the server has announced is no error.
    expect(record.changes.find(({ status }) => status === 'waiting')).toMatchObject({ error: undefined });
  });
});

it('brings the token to no other server', () => {
  const push = clientFor('http://127.0.0.1:1');
  expect(() => routeOf(push, 'http://127.0.0.1:2/events')).toThrow(
    expect.objectContaining({ code: 'REFUSED' }),
  );
});
