import { ValidationPipe, type INestApplication, type MessageEvent } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import type { RequestOptions, ServerResponse } from 'node:http';
import { map } from 'rxjs';
import {
  InheritedGrandchild,
  InheritedOne,
  InheritedTwo,
  ScopedController,
} from './support/orders-by-scope.js';
import { DeclaredController, OrdersController } from './support/orders.js';
import { openSse, openStream, type SseReader } from './support/sse-reader.js';
import { platformsWithHttp2, startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

const topics = [
  { pattern: 'public.>', access: 'public' as const },
  { pattern: 'notes', access: 'public' as const },
];

describe.each(platformsWithHttp2)('SSE on %s', (platform) => {
  const start = (options: PushOptions = {}, configure?: (app: INestApplication) => unknown) =>
    startApp(
      platform,
      {
        imports: [PushModule.forRoot({ topics, ...options })],
        controllers: [OrdersController, DeclaredController],
      },
      configure,
    );

  /** What an ordinary request to `path` gets. */
  async function answer(app: RunningApp, path: string, options: RequestOptions & { body?: string } = {}) {
    const reader = await openSse(app.url(path), options);
    const body = await reader.untilEnd();
    const { headers } = reader.response;
    return { status: reader.status, type: headers['content-type'], body };
  }

  const json = async (...ask: Parameters<typeof answer>) => {
    const { status, type, body } = await answer(...ask);
    expect(type).toMatch(/^application\/json/);
    return { status, body: JSON.parse(body) as Record<string, unknown> };
  };

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

  describe('Last-Event-ID', () => {
    const resume = (id: string) => ({ headers: { 'last-event-id': id } });

    /** An application that has published 1 to 5 to orders.1, and their ids. */
    async function published(options: PushOptions = {}) {
      const app = await start(options);
      const ids: string[] = [];
      for (const n of [1, 2, 3, 4, 5]) ids.push(await app.bus.publish('orders.1', n));
      return { app, ids: ids as [string, string, string, string, string] };
    }

    it.each(['/orders/1/events', '/orders/1/piped', '/orders/1/intercepted', '/declared/1/events'])(
      'brings exactly what follows: %s',
      async (path) => {
        const { app, ids } = await published();
        const reader = await openStream(app.url(path), resume(ids[2]));
        await app.bus.publish('orders.1', 6);
        await reader.untilEvents(3);
        expect(reader.events.map(({ id }) => id).slice(0, 2)).toEqual(ids.slice(3));
        expect(reader.data.map((data) => /\d/.exec(data)![0])).toEqual(['4', '5', '6']);
      },
    );

    it('may be in the query; the header wins; empty is none', async () => {
      const { app, ids } = await published();
      const query = await openStream(app.url(`/orders/1/events?lastEventId=${ids[3]}`));
      const header = await openStream(app.url(`/orders/1/events?lastEventId=${ids[0]}`), resume(ids[3]));
      const empty = await openStream(app.url('/orders/1/events?lastEventId='), resume(''));
      const neither = await openStream(app.url('/orders/1/events?x=lastEventId=1'));
      const id = await app.bus.publish('orders.1', 6);
      for (const reader of [query, header, empty, neither])
        await reader.until(() => reader.lastEventId === id);
      expect([query, header, empty, neither].map(({ data }) => data)).toEqual([
        ['5', '6'],
        ['5', '6'],
        ['6'],
        ['6'],
      ]);
      expect(app.bus.stats().gaps).toBe(0);
    });

    it('wins over where the route begins', async () => {
      const { app, ids } = await published();
      const reader = await openStream(app.url('/orders/1/last'), resume(ids[1]));
      await reader.untilEvents(3);
      expect(reader.data).toEqual(['3', '4', '5']);
    });

    it.each<[string, string, (ids: string[]) => string]>([
      ['garbage', 'malformed', () => 'garbage'],
      ['a number, as Nest gives them', 'malformed', () => '3'],
      ['bytes', 'malformed', () => '\u00ff\u00fe'],
      ['very much', 'malformed', () => 'x'.repeat(4_000)],
      ['a part', 'malformed', ([id]) => id!.split('-')[0]!],
      ['too large a number', 'malformed', ([id]) => `${id!.split('-')[0]}-99999999999999999999`],
      ['another epoch', 'epoch', () => 'ffffffffffff-3'],
      ['the future', 'future', ([id]) => `${id!.split('-')[0]}-1000`],
    ])('%s is one gap notice (%s), then what is retained, then what is live', async (_, reason, id) => {
      const { app, ids } = await published({ retention: { events: 3 } });
      for (const path of ['/orders/1/events', '/orders/1/piped']) {
        const gapsBefore = app.bus.stats().gaps;
        const reader = await openStream(app.url(path), resume(id(ids)));
        await reader.until(() => reader.data.length === 3);
        const live = await app.bus.publish('orders.1', 'live');
        await reader.until(() => reader.lastEventId === live);
        expect(reader.events[0]).toMatchObject({ type: 'push.gap' });
        expect(reader.gaps).toEqual([{ reason, topics: ['orders.1'], id: expect.any(String) as string }]);
        expect(reader.data.at(-1)).toBe('live');
        expect(app.bus.stats().gaps).toBe(gapsBefore + 1);
      }
    });

    it('is one gap notice (evicted) where events are gone, and none where they are of other topics', async () => {
      const { app, ids } = await published({ retention: { events: 2 } });
      const evicted = await openStream(app.url('/orders/1/events'), resume(ids[0]));
      await evicted.untilEvents(3);
      expect(evicted.gaps).toMatchObject([{ reason: 'evicted', topics: ['orders.1'] }]);
      expect(evicted.data).toEqual(['4', '5']);
      const quiet = await openStream(app.url('/orders/2/events'), resume(ids[0]));
      await app.bus.publish('orders.2', 'x');
      await quiet.untilEvents(1);
      expect(quiet.gaps).toEqual([]);
    });
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
