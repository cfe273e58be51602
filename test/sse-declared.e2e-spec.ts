import { json, startOrders } from './support/orders-app.js';
import { openStream } from './support/sse-reader.js';
import { platformsWithHttp2 } from './support/start-app.js';

describe.each(platformsWithHttp2)('SSE on %s', (platform) => {
  const start = () => startOrders(platform);

  describe('@PushSse()', () => {
    it('takes its topic from the route parameters', async () => {
      const app = await start();
      const reader = await openStream(app.url('/declared/1/events'));
      const deep = await openStream(app.url('/declared/acme/7/deep'));
      await app.bus.publishMany([
        { topic: 'orders.2', data: 'other' },
        { topic: 'orders.1', data: 'mine' },
        { topic: 'shops.acme.orders.8.paid', data: 'other' },
        { topic: 'shops.acme.orders.7.paid', data: 'deep' },
      ]);
      await Promise.all([reader.untilEvents(1), deep.untilEvents(1)]);
      expect([reader.data, deep.data]).toEqual([['mine'], ['deep']]);
    });

    it('takes stream options', async () => {
      const app = await start();
      await app.bus.publish('notes', 'kept');
      const reader = await openStream(app.url('/declared/fixed'));
      expect(await reader.untilEvents(1)).toMatchObject([{ data: '{"topic":"notes","data":"kept"}' }]);
    });

    it.each([
      ['all', ['1', '2', '3']],
      ['null', ['1', '2', '3']],
      ['two', ['1', '2']],
      ['3', ['3']],
    ])('lets the method narrow the topics: %s', async (id, expected) => {
      const app = await start();
      const reader = await openStream(app.url(`/declared/${id}/narrow`));
      for (const order of ['1', '2', '3']) await app.bus.publish(`orders.${order}`, order);
      await reader.untilEvents(expected.length);
      expect(reader.data).toEqual(expected);
    });

    it('lets the method return a stream', async () => {
      const app = await start();
      const reader = await openStream(app.url('/declared/5/stream'));
      await app.bus.publish('orders.5', 1);
      expect(await reader.untilEvents(1)).toMatchObject([{ data: '{"topic":"orders.5","data":1}' }]);
    });

    it.each(['*', '%2A', '%3E', '>', 'a.b', '..', '%20', 'a%0Aid:7', '%00', 'ä', '%C3%A4', 'a%2Fb.c'])(
      'refuses the parameter %s, which could be another topic',
      async (id) => {
        const app = await start();
        const { status, body } = await json(
          app,
          `/declared/${encodeURI(decodeURI(id))}/events`.replace('%2520', '%20'),
        );
        expect([400, 404]).toContain(status);
        if (status === 400) expect(body).toMatchObject({ code: 'INVALID_TOPIC' });
        expect(app.bus.stats().connections).toBe(0);
      },
    );

    it.each(['/declared/topicless', '/declared/misspelt/1', '/declared/1/piped'])(
      'answers 500 for what is the mistake of the application: %s',
      async (path) => {
        const app = await start();
        expect((await json(app, path)).status).toBe(500);
        expect(app.bus.stats().connections).toBe(0);
      },
    );
  });
});
