import type { INestApplication, MessageEvent } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import type { ServerResponse } from 'node:http';
import { map } from 'rxjs';
import { answer, startOrders } from './support/orders-app.js';
import {
  InheritedGrandchild,
  InheritedOne,
  InheritedTwo,
  ScopedController,
} from './support/orders-by-scope.js';
import { OrdersController } from './support/orders.js';
import { openStream, type SseReader } from './support/sse-reader.js';
import { platformsWithHttp2, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

describe.each(platformsWithHttp2)('SSE on %s', (platform) => {
  const start = (options?: PushOptions, configure?: (app: INestApplication) => unknown) =>
    startOrders(platform, options, configure);

  describe('an unpiped stream', () => {
    it('brings events with our ids and types', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/1/events'));
      const first = await app.bus.publish('orders.1', { status: 'paid' }, { type: 'status' });
      const second = await app.bus.publish('orders.1', 'text');
      await app.bus.publish('orders.1', null, { ephemeral: true });
      await reader.untilEvents(3);
      expect(reader.events).toEqual([
        { type: 'status', id: first, data: '{"status":"paid"}' },
        { type: 'message', id: second, data: 'text' },
        { type: 'message', id: second, data: 'null' },
      ]);
    });

    it('comes from asynchronous handlers too', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/7/async'));
      await app.bus.publish('orders.7', 'x');
      expect(await reader.untilEvents(1)).toMatchObject([{ data: 'x' }]);
    });

    it('tells a handler that asks for it when the client is gone, and not before', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/7/watched'));
      const { signals } = app.nest.get(OrdersController);
      await app.bus.publish('orders.7', 'x');
      await reader.untilEvents(1);
      expect(signals[0]!.aborted).toBe(false);
      reader.drop();
      await eventually(() => signals[0]!.aborted && app.bus.stats().connections === 0);
    });

    it('is over for the application when its client is gone', async () => {
      let open = 0;
      const app = await start({}, (nest) =>
        nest.use((_: unknown, response: ServerResponse, next: () => void) => {
          open++;
          response.once('close', () => open--);
          next();
        }),
      );
      const reader = await openStream(app.url('/orders/7/events'));
      expect(open).toBe(1);
      reader.drop();
      await eventually(() => open === 0 && app.bus.stats().connections === 0);
    });

    it('names the topics in an envelope', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/all/envelope'));
      await app.bus.publish('notes', 'n');
      await app.bus.publish('orders.2', { n: 1 });
      await reader.untilEvents(2);
      expect(reader.data).toEqual(['{"topic":"notes","data":"n"}', '{"topic":"orders.2","data":{"n":1}}']);
    });

    it('begins with the newest event of each topic', async () => {
      const app = await start();
      await app.bus.publishMany([1, 2].map((data) => ({ topic: 'orders.1', data })));
      const reader = await openStream(app.url('/orders/1/last'));
      await app.bus.publish('orders.1', 3);
      await reader.untilEvents(2);
      expect(reader.data).toEqual(['2', '3']);
    });

    it('gives an id at once, so that nothing is lost if it is cut before the first event', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/1/events'));
      await reader.until(() => reader.lastEventId !== '');
      reader.drop();
      await app.bus.publish('orders.1', 'meanwhile');
      const next = await openStream(app.url('/orders/1/events'), {
        headers: { 'last-event-id': reader.lastEventId },
      });
      expect(await next.untilEvents(1)).toMatchObject([{ data: 'meanwhile' }]);
    });
  });

  describe('a stream that is piped or intercepted', () => {
    it.each([
      ['/orders/1/piped', 'x'],
      ['/orders/1/intercepted', '{"signed":"x"}'],
      ['/orders/1/bare', '{"only":"x"}'],
    ])('%s brings each message as the application made it, with our id', async (path, data) => {
      const app = await start();
      const reader = await openStream(app.url(path));
      const ids = [await app.bus.publish('orders.1', 'x'), await app.bus.publish('orders.1', 'x')];
      await reader.untilEvents(2);
      expect(reader.events).toEqual(ids.map((id) => ({ type: 'message', id, data })));
    });

    it.each(['/orders/1/piped', '/orders/1/intercepted', '/orders/1/bare', '/orders/1/slow-pipe'])(
      '%s resumes',
      async (path) => {
        const app = await start();
        const reader = await openStream(app.url(path));
        await app.bus.publish('orders.1', 'a');
        await reader.untilEvents(1);
        reader.drop();
        await app.bus.publish('orders.1', 'b');
        const next = await openStream(app.url(path), { headers: { 'last-event-id': reader.lastEventId } });
        await app.bus.publish('orders.1', 'c');
        await next.until(() => next.body.includes('c"') || next.body.includes('data: c'));
        expect(next.gaps).toEqual([]);
        expect(next.data.map((data) => /[abc](?="|$)/.exec(data)?.[0]).slice(-2)).toEqual(['b', 'c']);
        expect(next.data.length).toBeLessThanOrEqual(path.includes('slow') ? 3 : 2);
      },
    );

    it.each(['/orders/1/piped', '/orders/1/intercepted', '/declared/1/intercepted'])(
      '%s gives an id at once as well',
      async (path) => {
        const app = await start();
        await app.bus.publish('orders.1', 'before');
        const reader = await openStream(app.url(path));
        expect(reader.lastEventId).not.toBe('');
        reader.drop();
        await app.bus.publish('orders.1', 'meanwhile');
        const next = await openStream(app.url(path), { headers: { 'last-event-id': reader.lastEventId } });
        await next.untilEvents(1);
        expect(next.data).toEqual([expect.stringMatching('meanwhile')]);
      },
    );

    it('loses no event without data', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/1/piped'));
      await app.bus.publishMany([null, '', 0, false].map((data) => ({ topic: 'orders.1', data })));
      await reader.untilEvents(4);
      expect(reader.data).toEqual(['null', '', '0', 'false']);
    });

    it('may complete', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/1/two'));
      for (const n of [1, 2, 3]) await app.bus.publish('orders.1', n);
      await reader.untilEnd();
      expect(reader.data).toEqual(['1', '2']);
      expect(app.bus.stats().connections).toBe(0);
    });

    it('may fail: the client is told that there is no use in coming back, and nothing of the reason', async () => {
      const errors: unknown[] = [];
      const app = await start({ onError: (error, { stage }) => errors.push([stage, error]) });
      const reader = await openStream(app.url('/orders/1/failing'));
      await app.bus.publish('orders.1', 'good');
      await app.bus.publish('orders.1', 'bad');
      await reader.untilEnd();
      expect(reader.events.map(({ type, data }) => [type, data])).toEqual([
        ['message', 'good'],
        ['push.error', '{"code":"INTERNAL","message":"The server failed.","retryable":false}'],
      ]);
      expect(app.bus.stats().connections).toBe(0);
      expect(errors).toEqual([['stream', new Error('a secret')]]);
      const again = { headers: { 'last-event-id': reader.lastEventId } };
      expect((await answer(app, '/orders/1/failing', again)).status).toBe(204);
    });

    it('may fail for a while: the client keeps its place', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/1/failing'));
      const id = await app.bus.publish('orders.1', 'good');
      await app.bus.publish('orders.1', 'busy');
      await reader.untilEnd();
      expect(reader.events.at(-1)).toMatchObject({
        type: 'push.error',
        data: expect.stringMatching(/UNAVAILABLE/),
      });
      expect(reader.lastEventId).toBe(id);
    });

    it('passes global interceptors', async () => {
      const app = await start({}, (nest) =>
        nest.useGlobalInterceptors({
          intercept: (_, next) =>
            next
              .handle()
              .pipe(map((message: MessageEvent) => ({ ...message, data: { global: message.data } }))),
        }),
      );
      const piped = await openStream(app.url('/orders/1/events'));
      const declared = await openStream(app.url('/declared/1/events'));
      await app.bus.publish('orders.1', 'x');
      await Promise.all([piped.untilEvents(1), declared.untilEvents(1)]);
      expect(piped.data).toEqual(['{"global":"x"}']);
      // The declarative form is documented to be wrapped as a whole.
      expect(declared.data).toEqual(['x']);
    });
  });

  it('comes from controllers of any kind', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot()],
      controllers: [InheritedOne, InheritedGrandchild, InheritedTwo, ScopedController],
    });
    const paths = [
      'scoped/1/events',
      'scoped/1/declared',
      ...['one', 'two', 'grandchild'].map((name) => `inherited/${name}/1/events`),
    ];
    const readers = await Promise.all(paths.map((path) => openStream(app.url(`/${path}`))));
    const id = await app.bus.publish('orders.1', 'x');
    for (const reader of readers)
      expect(await reader.untilEvents(1)).toEqual([{ type: 'message', id, data: 'x' }]);
  });

  it("leaves an application's own event streams as Nest makes them", async () => {
    const app = await start({ heartbeat: 20 });
    expect((await answer(app, '/orders/plain/nest')).body).toBe(
      '\nid: 1\ndata: {"n":0}\n\nid: 2\ndata: {"n":1}\n\n',
    );
    expect((await answer(app, '/orders/page')).body).toBe('a page');
  });

  describe('heartbeats', () => {
    const retryOf = ({ body }: SseReader) => Number(/^retry: (\d+)$/m.exec(body)![1]);

    it('move the id of quiet topics, and say when to come back', async () => {
      const app = await start({ heartbeat: 200, retry: 100 });
      const reader = await openStream(app.url('/orders/quiet/events'));
      const id = await app.bus.publish('orders.busy', 1);
      await reader.until(() => reader.lastEventId === id);
      expect(reader.events).toEqual([]);
      expect(reader.blocks).toContain(`:\nid: ${id}`);
      expect(retryOf(reader)).toBeGreaterThanOrEqual(50);
      expect(retryOf(reader)).toBeLessThanOrEqual(150);
    });

    it('are comments where events pass through a pipe', async () => {
      const app = await start({ heartbeat: 200, retry: 100 });
      for (const path of ['/orders/quiet/piped', '/orders/quiet/intercepted']) {
        const reader = await openStream(app.url(path));
        await reader.until(() => reader.blocks.includes(':'));
        expect(reader.events).toEqual([]);
        expect(retryOf(reader)).toBeGreaterThanOrEqual(50);
        expect(retryOf(reader)).toBeLessThanOrEqual(150);
      }
    });
  });
});
