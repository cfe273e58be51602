import { startOrders } from './support/orders-app.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platformsWithHttp2 } from './support/start-app.js';

describe.each(platformsWithHttp2)('what a client puts into the topic of a route, with %s', (platform) => {
  const start = () => startOrders(platform, { topics: [{ pattern: '>', access: 'public' }] });

  it.each([
    '/orders/%3E/events',
    '/orders/%3E/untagged',
    '/orders/*/events',
    '/orders/*/untagged',
    '/orders/1.%3E/events',
    '/orders/1.%3E/untagged',
    '/orders/1.items/events',
    '/orders/%3E/piped',
    '/declared/%3E/events',
    '/declared/%2A/events',
    '/declared/1.items/events',
    '/declared/1%2Eitems/events',
    '/declared/1/chosen?topic=%3E',
    '/declared/1/chosen?topic=orders.*',
    '/declared/$presence/news',
    '/declared/%24presence/news',
    '/orders/topic/from-query?topic=%3E',
  ])('does not widen it: %s', async (path) => {
    const app = await start();
    const reader = await openSse(app.url(path), { headers: { accept: 'text/event-stream' } });
    expect([reader.status, await reader.untilEnd()]).toEqual([400, expect.stringContaining('INVALID_TOPIC')]);
    expect(app.bus.stats().subscriptions).toBe(0);
  });

  it('stands in it, where it is one token', async () => {
    const app = await start();
    const readers = await Promise.all(
      [
        '/orders/1/events',
        '/declared/1/events',
        '/declared/eu/news',
        '/orders/topic/from-query?topic=orders.1',
      ].map((path) => openStream(app.url(path))),
    );
    await app.bus.publish('orders.1', 'one');
    await app.bus.publish('eu.news', 'news');
    await Promise.all(readers.map((reader) => reader.untilEvents(1)));
    expect(readers.map(({ data }) => data)).toEqual([['one'], ['one'], ['news'], ['one']]);
  });
});
