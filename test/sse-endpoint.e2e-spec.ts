import { ValidationPipe, type INestApplication } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import { answer, json, startOrders, topics } from './support/orders-app.js';
import { OrdersController } from './support/orders.js';
import { openStream } from './support/sse-reader.js';
import { platformsWithHttp2, startApp, type RunningApp } from './support/start-app.js';

describe.each(platformsWithHttp2)('SSE on %s', (platform) => {
  const start = (options?: PushOptions, configure?: (app: INestApplication) => unknown) =>
    startOrders(platform, options, configure);

  describe('the built-in endpoint', () => {
    const refused = async (app: RunningApp, query: string) => json(app, `/push/events${query}`);

    it('opens what was opened, and wraps it', async () => {
      const app = await start();
      const reader = await openStream(app.url('/push/events?topic=public.a&topic=public.b.*&topic=notes'));
      const id = await app.bus.publish('public.b.1', { n: 1 }, { type: 't' });
      await app.bus.publish('public.b', 'not asked for');
      await app.bus.publish('notes', 'text');
      await reader.untilEvents(2);
      expect(reader.events).toMatchObject([
        { type: 't', id, data: '{"topic":"public.b.1","data":{"n":1}}' },
        { data: '{"topic":"notes","data":"text"}' },
      ]);
    });

    it.each(['secret', '>', '*', 'public', 'public.a&topic=secret', '*.a', 'notes.>'])(
      'refuses topic=%s with 403',
      async (query) => {
        const app = await start();
        expect(await refused(app, `?topic=${query}`)).toMatchObject({
          status: 403,
          body: { statusCode: 403, code: 'FORBIDDEN' },
        });
      },
    );

    it('denies by default', async () => {
      const app = await start({ topics: [] });
      expect(await refused(app, '?topic=notes')).toMatchObject({ status: 403 });
    });

    it.each([
      ['', /topic is missing/],
      ['?topic', /./],
      ['?topic=', /./],
      ['?topic=a..b', /not a topic pattern/],
      ['?topic[x]=notes', /./],
      ['?topic=notes&from=now&from=last', /from/],
      [`?topic=notes&from=${'x'.repeat(65)}`, /from/],
      [`?topic=${'x'.repeat(256)}`, /topic/],
      [`?${Array.from({ length: 257 }, (_, n) => `topic=public.${n}`).join('&')}`, /topic/],
    ])('answers 400 with the reasons, case %#', async (query, says) => {
      const { status, body } = await refused(await start(), query);
      expect(status).toBe(400);
      expect(JSON.stringify(body.message)).toMatch(says);
    });

    it('takes 256 topics', async () => {
      const app = await start();
      const query = Array.from({ length: 256 }, (_, n) => `topic=public.${n}`).join('&');
      expect((await openStream(app.url(`/push/events?${query}`))).status).toBe(200);
    });

    it.each([
      ['last', ['c']],
      ['last:2', ['b', 'c']],
      ['last:1000', ['a', 'b', 'c']],
      ['earliest', ['a', 'b', 'c']],
      ['start', ['a', 'b', 'c']],
      ['now', []],
    ])('begins from=%s', async (from, kept) => {
      const app = await start();
      await app.bus.publishMany(['a', 'b', 'c'].map((data) => ({ topic: 'notes', data })));
      const reader = await openStream(app.url(`/push/events?topic=notes&from=${from}`));
      const id = await app.bus.publish('notes', 'live');
      await reader.until(() => reader.lastEventId === id);
      expect(reader.data.map((data) => (JSON.parse(data) as { data: string }).data)).toEqual([
        ...kept,
        'live',
      ]);
    });

    it('begins from an id; a last event id wins', async () => {
      const app = await start();
      const ids = await app.bus.publishMany(['a', 'b'].map((data) => ({ topic: 'notes', data })));
      const fromId = await openStream(app.url(`/push/events?topic=notes&from=${ids[0]}`));
      const wins = await openStream(app.url(`/push/events?topic=notes&from=earliest&lastEventId=${ids[0]}`));
      for (const reader of [fromId, wins]) {
        await reader.untilEvents(1);
        expect(reader.events).toMatchObject([{ id: ids[1] }]);
      }
    });

    it('can be switched off; routes stay', async () => {
      const app = await startApp(platform, {
        imports: [PushModule.forRoot({ topics, transports: ['websocket'] })],
        controllers: [OrdersController],
      });
      expect((await answer(app, '/push/events?topic=notes')).status).toBe(404);
      const reader = await openStream(app.url('/orders/1/events'));
      await app.bus.publish('orders.1', 'x');
      expect(await reader.untilEvents(1)).toMatchObject([{ data: 'x' }]);
    });

    it('works beside a strict global ValidationPipe', async () => {
      const strict = new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true });
      const app = await start({}, (nest) => nest.useGlobalPipes(strict));
      const id = await app.bus.publish('notes', 'x');
      const path = `/push/events?topic=notes&from=last&lastEventId=${id}`;
      expect((await openStream(app.url(path))).status).toBe(200);
    });

    it('is under the global prefix, as any route', async () => {
      const app = await start({}, (nest) => nest.setGlobalPrefix('api'));
      expect((await openStream(app.url('/api/push/events?topic=notes'))).status).toBe(200);
    });
  });
});
