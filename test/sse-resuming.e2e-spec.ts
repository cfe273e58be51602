import type { PushOptions } from 'nestjs-push';
import { startOrders } from './support/orders-app.js';
import { openStream } from './support/sse-reader.js';
import { platformsWithHttp2 } from './support/start-app.js';

describe.each(platformsWithHttp2)('SSE on %s', (platform) => {
  const start = (options?: PushOptions) => startOrders(platform, options);

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
});
