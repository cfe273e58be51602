import { answer, json, startOrders } from './support/orders-app.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platformsWithHttp2 } from './support/start-app.js';
import { eventually } from './support/watched.js';

describe.each(platformsWithHttp2)('SSE on %s', (platform) => {
  const start = () => startOrders(platform);

  describe('before the stream', () => {
    it('guards refuse with 403, and let in', async () => {
      const app = await start();
      for (const path of ['/orders/1/guarded', '/declared/1/guarded']) {
        expect(await json(app, path)).toMatchObject({ status: 403, body: { statusCode: 403 } });
        expect((await openStream(app.url(path), { headers: { 'x-user': 'me' } })).status).toBe(200);
      }
    });

    it('pipes refuse with 400', async () => {
      const app = await start();
      for (const path of ['/orders/abc/async', '/declared/abc/refusing']) {
        const { status, body } = await json(app, path);
        expect(status).toBe(400);
        expect(body.message).toMatch(/numeric/);
      }
    });

    it('filters answer', async () => {
      expect(await json(await start(), '/orders/tea/filtered')).toEqual({
        status: 418,
        body: { short: true },
      });
    });

    it('handlers refuse with their status, synchronously and later', async () => {
      const app = await start();
      const missing = { status: 404, body: { message: 'no such order' } };
      expect(await json(app, '/orders/throwing/now')).toMatchObject(missing);
      expect(await json(app, '/orders/404/async')).toMatchObject(missing);
      expect(await json(app, '/declared/13/refusing')).toMatchObject({
        status: 403,
        body: { message: 'not yours' },
      });
      expect(await json(app, '/declared/14/refusing')).toMatchObject({ status: 410 });
    });

    it('bugs are 500 and tell nothing', async () => {
      const { status, body } = await json(await start(), '/orders/throwing/bug');
      expect(status).toBe(500);
      expect(JSON.stringify(body)).not.toMatch(/secret/);
    });

    it('bad topics are 400 with a code', async () => {
      const app = await start();
      for (const path of ['/orders/topic/from-query?topic=a..b', '/orders/topic/from-query']) {
        expect(await json(app, path)).toMatchObject({
          status: 400,
          body: { statusCode: 400, code: 'INVALID_TOPIC' },
        });
      }
    });

    it('leaves nothing behind', async () => {
      const app = await start();
      for (const path of ['/orders/1/guarded', '/orders/abc/async', '/orders/throwing/now'])
        await answer(app, path);
      expect(app.bus.stats()).toMatchObject({ connections: 0, subscriptions: 0 });
    });
  });

  describe('the answer', () => {
    it('has the headers of an event stream, and those of the route', async () => {
      const app = await start();
      const reader = await openStream(app.url('/orders/1/accepted'));
      expect(reader.status).toBe(202);
      expect(reader.response.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': expect.stringMatching(/no-store.*no-transform/) as string,
        'x-accel-buffering': 'no',
        'x-order': 'watched',
      });
      await app.bus.publish('orders.1', 'x');
      expect(await reader.untilEvents(1)).toMatchObject([{ data: 'x' }]);
    });

    it('has no body where its status allows none', async () => {
      const app = await start();
      const reader = await openSse(app.url('/orders/1/nothing'));
      expect(reader.status).toBe(204);
      await app.bus.publish('orders.1', 'x');
      expect(reader.body).toBe('');
    });

    it.each([
      '/orders/1/events',
      '/orders/1/piped',
      '/orders/1/intercepted',
      '/declared/1/events',
      '/push/events?topic=notes',
    ])('to HEAD %s ends with the headers', async (path) => {
      const app = await start();
      expect(await answer(app, path, { method: 'HEAD' })).toEqual({
        status: 200,
        type: 'text/event-stream',
        body: '',
      });
      await eventually(() => app.bus.stats().connections === 0);
    });

    it('to POST is what Nest makes it', async () => {
      const app = await start();
      const post = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ids: ['1', '2'] }),
      };
      const reader = await openStream(app.url('/orders/search'), post);
      expect(reader.status).toBe((await answer(app, '/orders/plain/post', post)).status);
      await app.bus.publishMany(['3', '2', '1'].map((id) => ({ topic: `orders.${id}`, data: id })));
      await reader.untilEvents(2);
      expect(reader.data).toEqual(['2', '1']);
    });
  });
});
