import { Controller, Sse, type MessageEvent } from '@nestjs/common';
import { Authenticator, EventBus, PushLifecycle, PushModule, type PushOptions } from 'nestjs-push';
import type { RequestOptions } from 'node:http';
import { defer, map, of, type Observable } from 'rxjs';
import { LateBackplane } from './support/late-backplane.js';
import { DeclaredController, OrdersController } from './support/orders.js';
import { openSse, openStream, type SseReader } from './support/sse-reader.js';
import { platformsWithHttp2, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';
import { openHandshake } from './support/ws-frames.js';

/** A stream that is made when it is read, and one that reads no log. */
@Controller('made')
class MadeController {
  calls = 0;

  constructor(private readonly bus: EventBus) {}

  @Sse('deferred')
  deferred() {
    this.calls++;
    return defer(() => this.bus.stream('orders.1')).pipe(map((message) => message));
  }

  @Sse('plain')
  plain(): Observable<MessageEvent> {
    return of({ data: 'no log' });
  }

  private readonly many = Array.from({ length: 1_200 }, (_, n) => `wide.${n}`);

  @Sse('wide')
  wide() {
    return this.bus.stream(this.many);
  }

  @Sse('wide-piped')
  widePiped() {
    return this.bus.stream(this.many).pipe(map((message) => message));
  }
}

const topics = [{ pattern: 'orders.>', access: 'public' as const }];

/** Every way to a stream: path, and what POST says. */
const routes: [string, (RequestOptions & { body?: string })?][] = [
  ['/push/events?topic=orders.1'],
  ['/orders/1/events'],
  ['/orders/1/watched'],
  ['/orders/1/piped'],
  ['/orders/1/intercepted'],
  ['/declared/1/events'],
  ['/declared/1/intercepted'],
];

const messages = (from?: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ subscribe: [{ topics: ['orders.1'], from, ref: 'r' }] }),
});

const native = { accept: 'text/event-stream' };

describe.each(platformsWithHttp2)('A stream on %s, while the node has not reached its log', (platform) => {
  async function start(options: PushOptions = {}) {
    const backplane = new LateBackplane();
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ topics, backplane, onError, heartbeat: 60, ...options })],
      controllers: [OrdersController, DeclaredController, MadeController],
    });
    return { app, backplane, errors, lifecycle: app.nest.get(PushLifecycle) };
  }

  /** Whether an answer has begun. */
  function asked(...ask: Parameters<typeof openSse>) {
    const state = { begun: false, reader: openSse(...ask) };
    state.reader.then(
      () => (state.begun = true),
      () => (state.begun = true),
    );
    return state;
  }

  it('is not begun before, and then tells what became of the id that the client brings', async () => {
    const { app, backplane, errors, lifecycle } = await start();
    expect(lifecycle.ready).toBe(false);
    const headers = { ...native, 'last-event-id': 'ffffffffffff-7' };
    const streams = routes.map(([path]) => asked(app.url(path), { headers }));
    const posted = asked(app.url('/push/events'), messages('ffffffffffff-7'));
    // A stream that reads no log is as Nest makes it: by the time that it has ended, the others might have begun.
    const plain = await openSse(app.url('/made/plain'), { headers: native });
    expect(await plain.untilEnd()).toContain('data: no log');
    expect([...streams, posted].map(({ begun }) => begun)).not.toContain(true);
    backplane.reach();
    expect(lifecycle.ready).toBe(true);
    const readers = await Promise.all(streams.map(({ reader }) => reader));
    await Promise.all(readers.map((reader) => reader.until(() => reader.gaps.length > 0)));
    const id = await app.bus.publish('orders.1', 'first');
    for (const reader of readers) {
      expect(reader.status).toBe(200);
      await reader.until(() => reader.data.some((data) => data.includes('first')));
      expect(reader.gaps.map((gap) => /"reason":"(\w+)"/.exec(JSON.stringify(gap))![1])).toEqual(['epoch']);
      expect(reader.lastEventId).toBe(id);
    }
    const said = await posted.reader;
    await said.until(() => said.body.includes('"first"'));
    expect(said.body).toMatch(/"event":"gap".*"epoch"/);
    expect(errors).toEqual([]);
  });

  it('is not begun for HEAD either, which then gets the headers of the stream, or the refusal', async () => {
    const { app, backplane } = await start();
    const heads = routes.map(([path]) => asked(app.url(path), { method: 'HEAD' }));
    const plain = await openSse(app.url('/made/plain'), { method: 'HEAD' });
    await plain.untilEnd();
    expect(heads.map(({ begun }) => begun)).not.toContain(true);
    backplane.reach();
    for (const { reader } of heads) {
      const head = await reader;
      expect(await head.untilEnd()).toBe('');
      expect([head.status, head.response.headers['content-type']]).toEqual([200, 'text/event-stream']);
    }
    const late = await start({ limits: { decisionTimeout: 50 } });
    for (const [path] of routes) {
      const refused = await openSse(late.app.url(path), { method: 'HEAD' });
      expect([path, refused.status]).toEqual([path, 503]);
    }
  });

  it('that does not reach it in time is a refusal: for an EventSource a stream without an id, for others 503', async () => {
    const { app, errors } = await start({ limits: { decisionTimeout: 150 } });
    for (const [path] of routes) {
      const reader = await openSse(app.url(path), { headers: { ...native, 'last-event-id': 'x-1' } });
      await reader.untilEnd();
      expect([path, reader.status]).toEqual([path, 200]);
      expectRefusal(reader, 'UNAVAILABLE');
      expect((await openSse(app.url(path))).status).toBe(503);
    }
    const posted = await openSse(app.url('/push/events'), messages());
    expect(posted.status).toBe(503);
    expect(errors).toEqual([]);
    expect(app.bus.stats()).toMatchObject({ connections: 0, subscriptions: 0 });
  });

  it('is refused as soon as the node begins to shut down', async () => {
    const { app, lifecycle } = await start();
    const waiting = asked(app.url('/push/events?topic=orders.1'), { headers: native });
    const deferred = app.nest.get(MadeController);
    await openSse(app.url('/made/deferred'));
    expect(deferred.calls).toBe(1);
    await lifecycle.drain();
    const reader = await waiting.reader;
    await reader.untilEnd();
    expectRefusal(reader, 'CLOSED');
  });

  it('that is made when it is read is refused too, if it has a place to go on from', async () => {
    const { app, errors } = await start();
    const headers = { ...native, 'last-event-id': 'ffffffffffff-7' };
    const reader = await openSse(app.url('/made/deferred'), { headers });
    await reader.untilEnd();
    expectRefusal(reader, 'UNAVAILABLE');
    expect(errors).toEqual([]);
  });

  it('is not begun for a client whose right to it ends meanwhile', async () => {
    let expiresAt = Infinity;
    class Brief extends Authenticator {
      authenticate() {
        expiresAt = Date.now() + 200;
        return { id: 'ann', expiresAt };
      }
    }
    const { app, backplane } = await start({ authenticate: Brief });
    const waiting = asked(app.url('/push/events?topic=orders.1'), { headers: native });
    await eventually(() => Date.now() > expiresAt + 50);
    backplane.reach();
    const reader = await waiting.reader;
    expect(reader.status).toBe(401);
    expect(reader.response.headers['cache-control']).toBe('no-store');
  });

  it('that fails after it has begun, at what is no JSON, says so, with no id of its own', async () => {
    const { app, backplane, errors } = await start();
    backplane.reach();
    const reader = await openStream(app.url('/orders/1/failing'));
    const id = await app.bus.publish('orders.1', 'good');
    await app.bus.publish('orders.1', 'no JSON');
    await reader.untilEnd();
    expect(reader.events.map(({ type }) => type)).toEqual(['message', 'push.error']);
    expect([reader.events[0]!.id, reader.lastEventId]).toEqual([id, 'push.end']);
    expect(errors).toEqual([expect.any(TypeError)]);
    await eventually(() => app.bus.stats().connections === 0);
  });

  it('may have as many topics as a route of the application likes', async () => {
    const { app, backplane, errors } = await start();
    backplane.reach();
    for (const path of ['/made/wide', '/made/wide-piped']) {
      const reader = await openStream(app.url(path));
      await app.bus.publish('wide.1199', path);
      await reader.untilEvents(1);
      expect(reader.data).toEqual([path]);
      const again = { headers: { 'last-event-id': 'ffffffffffff-7' } };
      const resumed = await openStream(app.url(path), again);
      await resumed.until(() => resumed.gaps.length > 0);
    }
    expect(errors).toEqual([]);
  });
});

describe('A WebSocket, while the node has not reached its log', () => {
  async function start(options: PushOptions = {}) {
    const backplane = new LateBackplane();
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics, backplane, ...options })],
    });
    return { app, backplane };
  }

  it('is not opened before', async () => {
    const { app, backplane } = await start();
    const client = connectWs(app.webSocketUrl());
    const raw = await openHandshake(app.port);
    await eventually(() => app.sockets.size === 2);
    expect((await openSse(app.url('/nowhere'))).status).toBe(404);
    expect([client.socket.readyState, raw.text]).toEqual([client.socket.CONNECTING, '']);
    backplane.reach();
    expect((await client.next('hello')).connection).toEqual(expect.any(String));
    expect(await client.subscribe('orders.1', 'ffffffffffff-7')).toMatchObject({ event: 'subscribed' });
  });

  it('is answered 503 if it does not reach it in time', async () => {
    const { app } = await start({ limits: { decisionTimeout: 100 } });
    const raw = await openHandshake(app.port);
    const text = await raw.untilClosed();
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/^Cache-Control: no-store\r$/m);
  });

  it('begins at the log that there is when it asks for an empty `from`', async () => {
    const { app, backplane } = await start();
    backplane.reach();
    await app.bus.publish('orders.1', 'before');
    const client = await openWs(app.webSocketUrl());
    await client.subscribe('orders.1', '');
    await app.bus.publish('orders.1', 'after');
    await client.untilData(1);
    expect([client.data, client.all('gap')]).toEqual([['after'], []]);
  });
});

/** A stream that says nothing but why not, and when to come back. */
function expectRefusal(reader: SseReader, code: string): void {
  expect(reader.response.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': expect.stringMatching(/no-store/) as string,
  });
  expect(reader.body).toMatch(/^retry: \d+$/m);
  expect(reader.body).not.toMatch(/^id:/m);
  expect(reader.events).toMatchObject([{ type: 'push.error' }]);
  expect(JSON.parse(reader.data[0]!)).toMatchObject({ code, retryable: true });
}
