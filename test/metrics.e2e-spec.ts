import { Injectable } from '@nestjs/common';
import { OnPush, PushDeadLetters, type OnPushEvent } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { readFile } from 'node:fs/promises';
import { afterTest } from './support/cleanup.js';
import { openDeflated, openGzip } from './support/compressed-clients.js';
import { eventsUrl, rule, sent, start, transport } from './support/metrics-app.js';
import { Scraped } from './support/scraped.js';
import { startRedis } from './support/servers.js';
import { openSse, openStream } from './support/sse-reader.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe('A scrape of the Prometheus exporter', () => {
  it('has what was published, by rule, and what failed, by error', async () => {
    const { app, scraped } = await start();
    for (const topic of ['news.a', 'news.b', 'rooms.1.x', 'else']) await app.bus.publish(topic, 1);
    await app.bus.publish('news.a', 1, { ephemeral: true });
    await expect(app.bus.publish('news.*', 1)).rejects.toThrow();
    const scrape = await scraped.scrape();
    const stored = (pattern: string) =>
      scrape.of(sent, { [rule]: pattern, nestjs_push_ephemeral: 'false', messaging_system: 'nestjs_push' });
    expect(stored('news.*')).toBe(2);
    expect(stored('rooms.*.>')).toBe(1);
    expect(stored('(none)')).toBe(1);
    expect(stored('secret')).toBeUndefined();
    expect(scrape.of(sent, { [rule]: 'news.*', nestjs_push_ephemeral: 'true' })).toBe(1);
    expect(scrape.of('nestjs_push_log_read_total')).toBe(4);
    const timed = { messaging_operation_name: 'publish' };
    expect(scrape.of('messaging_client_operation_duration_count', timed)).toBe(5);
  });

  it('counts all that is published, and times no more than 1,000 of it a second', async () => {
    const { app, scraped } = await start();
    const began = performance.now();
    for (let n = 0; n < 5_000; n += 100)
      await Promise.all(Array.from({ length: 100 }, () => app.bus.publish('news.a', 1)));
    const seconds = Math.floor((performance.now() - began) / 1_000) + 1;
    const scrape = await scraped.scrape();
    expect(scrape.of(sent, { [rule]: 'news.*' })).toBe(5_000);
    const timed = scrape.of('messaging_client_operation_duration_count')!;
    expect(timed).toBeGreaterThanOrEqual(1_000);
    expect(timed).toBeLessThanOrEqual(1_000 * seconds);
  });

  it('has what was delivered, by transport and rule, once for each client, and in bytes', async () => {
    const { app, scraped } = await start();
    const stream = await openStream(app.url(eventsUrl('news.a')));
    const piped = await openStream(app.url('/piped'));
    const socket = await openWs(app.webSocketUrl());
    await socket.subscribe('news.*');
    const written = stream.body.length;
    await app.bus.publish('news.a', 'abc');
    await app.bus.publish('news.b', 'abc');
    await app.bus.publish('rooms.1.x', 'abc');
    await Promise.all([stream.untilEvents(1), piped.untilEvents(1), socket.untilData(2)]);
    const scrape = await scraped.scrape();
    const events = 'nestjs_push_delivered_events_total';
    expect(scrape.of(events, { [transport]: 'sse', [rule]: 'news.*' })).toBe(2);
    expect(scrape.of(events, { [transport]: 'websocket', [rule]: 'news.*' })).toBe(2);
    expect(scrape.of(events, { [rule]: 'rooms.*.>' })).toBeUndefined();
    const bytes = scrape.of('nestjs_push_delivered_bytes_total', { [transport]: 'sse' });
    // A chunk of HTTP/1.1: its size in a line of its own, and a line after it.
    const length = stream.body.length - written;
    expect(bytes).toBe(length + length.toString(16).length + 4);
    expect(scrape.of('nestjs_push_delivered_bytes_total', { [transport]: 'websocket' })).toBeGreaterThan(50);
  });

  it('has the bytes that went out, which compression has made fewer', async () => {
    const { app, scraped } = await start();
    const clients = await Promise.all([openDeflated(app), openDeflated(app)]);
    for (const { client } of clients) await client.subscribe('news.*');
    const streams = [
      await openGzip(app.url(eventsUrl('news.a'))),
      await openGzip(app.url(eventsUrl('news.a'))),
    ];
    const received = () => clients.reduce((sum, { bytes }) => sum + bytes(), 0);
    const before = received();
    for (let n = 0; n < 30; n++)
      await app.bus.publish('news.a', { n, text: 'an order of somebody '.repeat(10) });
    await Promise.all([
      ...clients.map(({ client }) => client.untilData(30)),
      ...streams.map((stream) => stream.untilEvents(30)),
    ]);
    const scrape = await scraped.scrape();
    const bytes = (what: string, name: string) =>
      scrape.of(`nestjs_push_${what}_bytes_total`, { [transport]: name })!;
    expect(bytes('written', 'websocket')).toBe(received() - before);
    expect(bytes('written', 'websocket')).toBeLessThan(bytes('delivered', 'websocket') / 3);
    expect(bytes('written', 'sse')).toBeLessThan(bytes('delivered', 'sse') / 2);
    const both = (what: string) => bytes(what, 'sse') + bytes(what, 'websocket');
    expect(app.bus.stats().delivered).toEqual({ bytes: both('delivered'), written: both('written') });
  });

  it('has as many series for a thousand topics as for one', async () => {
    const { app, scraped } = await start();
    const socket = await openWs(app.webSocketUrl());
    await socket.subscribe('news.*');
    await app.bus.publish('news.first', 1);
    await socket.untilData(1);
    const before = await scraped.scrape();
    for (let n = 0; n < 1_000; n++) await app.bus.publish(`news.topic-${n}`, n);
    await socket.untilData(1_001);
    const after = await scraped.scrape();
    const series = ({ samples }: typeof before) =>
      samples
        .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
        .filter((each) => !each.startsWith('nodejs'));
    expect(series(after)).toEqual(series(before));
    expect(after.text).not.toContain('topic-');
    expect(after.of(sent, { [rule]: 'news.*' })).toBe(1_001);
  });

  it('has the clients that are connected, those that came and went, and why', async () => {
    const { app, scraped } = await start();
    const stream = await openStream(app.url(eventsUrl('news.a')));
    await openStream(app.url(eventsUrl('news.a')));
    const socket = await openWs(app.webSocketUrl());
    await socket.subscribe(['news.a', 'news.b']);
    const before = await scraped.scrape();
    const now = (scrape: typeof before, name: string) =>
      scrape.of('nestjs_push_connections', { [transport]: name });
    expect([now(before, 'sse'), now(before, 'websocket')]).toEqual([2, 1]);
    expect(before.of('nestjs_push_connections_closed_total')).toBeUndefined();
    expect(before.of('nestjs_push_subscriptions')).toBe(4);
    expect(before.of('nestjs_push_audiences')).toBe(2);
    expect(before.of('nestjs_push_readers_lagging')).toBe(0);
    stream.drop();
    await eventually(() => app.bus.stats().connections === 2);
    const after = await scraped.scrape();
    expect([now(after, 'sse'), now(after, 'websocket')]).toEqual([1, 1]);
    expect(after.of('nestjs_push_connections_opened_total', { [transport]: 'sse' })).toBe(2);
    const closed = { [transport]: 'sse', nestjs_push_reason: 'client' };
    expect(after.of('nestjs_push_connections_closed_total', closed)).toBe(1);
  });

  it('has refusals, by transport and error, and the errors that onError is told of', async () => {
    const { app, scraped } = await start();
    const before = await scraped.scrape();
    const refused = (scrape: typeof before, name: string) =>
      scrape.of('nestjs_push_refusals_total', { [transport]: name, error_type: 'FORBIDDEN' }) ?? 0;
    expect((await openSse(app.url(eventsUrl('secret')))).status).toBe(403);
    const socket = await openWs(app.webSocketUrl());
    await socket.subscribe('else');
    await socket.subscribe('news.a');
    app.bus.on('news.a').subscribe(() => {
      throw new Error('in a handler');
    });
    await app.bus.publish('news.a', 1);
    await socket.untilData(1);
    const after = await scraped.scrape();
    expect(refused(after, 'sse') - refused(before, 'sse')).toBe(1);
    expect(refused(after, 'websocket') - refused(before, 'websocket')).toBe(1);
    expect(before.of('nestjs_push_errors_total')).toBeUndefined();
    expect(after.of('nestjs_push_errors_total', { nestjs_push_stage: 'handler' })).toBe(1);
  });

  it('has gaps, by reason, and the window', async () => {
    const { app, scraped } = await start();
    const first = await app.bus.publish('rooms.1.x', 0);
    for (let n = 1; n <= 5; n++) await app.bus.publish('rooms.1.x', n);
    const before = await scraped.scrape();
    expect(before.of('nestjs_push_gaps_total')).toBeUndefined();
    expect(before.of('nestjs_push_window_events')).toBe(2);
    expect(before.of('nestjs_push_window_topics')).toBe(1);
    expect(before.of('nestjs_push_window_bytes')).toBe(app.bus.stats().window.bytes);
    const stream = await openStream(app.url(eventsUrl('rooms.1.x')), { headers: { 'last-event-id': first } });
    await stream.untilEvents(3);
    expect(stream.gaps).toHaveLength(1);
    const after = await scraped.scrape();
    expect(after.of('nestjs_push_gaps_total', { nestjs_push_reason: stream.gaps[0]!.reason })).toBe(1);
    expect(after.of('nestjs_push_gaps_total')).toBe(app.bus.stats().gaps);
  });

  it('has the delay of the event loop', async () => {
    const { scraped } = await start();
    // It is measured from the first scrape on, once the timer that measures it has fired: so the loop is blocked again and again.
    await eventually(async () => {
      const until = performance.now() + 150;
      while (performance.now() < until);
      return ((await scraped.scrape()).of('nodejs_eventloop_delay_max') ?? 0) > 0.1;
    });
  });
});

it('An outage of Redis is seen: it is down, what waits, what failed, and that it is back without a lag', async () => {
  const redis = await startRedis();
  afterTest(() => redis.dispose());
  const backplane = redisBackplane({ url: `redis://127.0.0.1:${redis.port}`, publishTimeout: 5_000 });
  const { app, scraped } = await start({ backplane, retention: { events: 2_000, bytes: 4_096 } });
  const first = await app.bus.publish('news.a', 'x'.repeat(500));
  for (let n = 0; n < 20; n++) await app.bus.publish('news.a', 'x'.repeat(500));
  const stream = await openStream(app.url(eventsUrl('news.a')), { headers: { 'last-event-id': first } });
  await stream.untilEvents(20);
  const well = await scraped.scrape();
  expect(well.of('nestjs_push_backplane_up')).toBe(1);
  expect(well.of('nestjs_push_backplane_outages_total')).toBe(0);
  expect(well.of('nestjs_push_log_lag')).toBe(0);
  expect(well.of('nestjs_push_history_pages_total')).toBeGreaterThan(0);
  const fetched = { messaging_operation_name: 'fetch' };
  expect(well.of('messaging_client_operation_duration_count', fetched)).toBeGreaterThan(0);
  await redis.kill();
  await expect(app.bus.publish('news.a', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const ill = await scraped.scrape();
  expect(ill.of('nestjs_push_backplane_up')).toBe(0);
  expect(ill.of('nestjs_push_backplane_outages_total')).toBe(1);
  expect(ill.of(sent, { error_type: 'UNAVAILABLE' })).toBe(1);
  expect(ill.of('nestjs_push_connections', { [transport]: 'sse' })).toBe(1);
  await redis.start();
  await eventually(async () => (await app.bus.health()).ready);
  const back = await scraped.scrape();
  expect(back.of('nestjs_push_backplane_outages_total')).toBe(1);
  expect(back.of('nestjs_push_log_lag')).toBe(0);
}, 120_000);

describe('The metrics of handlers', () => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));

  @Injectable()
  class Shop {
    @OnPush('orders.*')
    note({ data }: OnPushEvent) {
      if (data === 'unknown') throw new Error('of the test');
    }

    @OnPush('orders.*', { group: 'billing', retries: 2, retryDelay: 1 })
    async bill({ data, attempt }: OnPushEvent) {
      if (data === 'slow') await released;
      if (data === 'dead' || (data === 'late' && attempt === 1)) throw new Error('of the test');
    }
  }

  it('say what was handled, failed and was tried again, by handler, and what a group has', async () => {
    const { app, scraped } = await start({}, [Shop]);
    const read = async (name: string, labels: Record<string, string>) =>
      (await scraped.scrape()).of(`nestjs_push_${name}`, labels);
    const billing = { messaging_consumer_group_name: 'billing' };
    const handlers = (handler: string) => ({ nestjs_push_handler: `Shop.${handler}` });
    await eventually(async () => (await read('groups_partitions', billing)) === 64);
    const data = ['fine', 'unknown', 'late', 'dead'];
    for (const [index, each] of data.entries()) await app.bus.publish(`orders.${index}`, each);
    await app.bus.publish('orders.9', 'slow');
    await eventually(async () => (await read('groups_dead_letters', billing)) === 1);
    await eventually(async () => (await read('groups_waiting', billing)) === 1);
    const counts = (handler: string) =>
      Promise.all(
        ['handled', 'failed', 'retried'].map((name) => read(`handlers_${name}_total`, handlers(handler))),
      );
    expect(await counts('bill')).toEqual([3, 4, 3]);
    expect(await counts('note')).toEqual([4, 1, 0]);
    expect(await read('handlers_handled_total', { ...billing, ...handlers('bill') })).toBe(3);
    expect(await read('handlers_handled_total', { ...billing, ...handlers('note') })).toBeUndefined();
    release();
    await eventually(async () => (await read('groups_waiting', billing)) === 0);
    expect(await counts('bill')).toEqual([4, 4, 3]);
    const letters = app.nest.get(PushDeadLetters);
    const [letter] = await letters.list('billing');
    await letters.discard(letter!.id);
    await eventually(async () => (await read('groups_dead_letters', billing)) === 0);
  });
});

// The last one: all that was scraped above is in the page.
it('The page about observability lists every metric, and no other', async () => {
  const page = await readFile('libs/push/docs/observability.md', 'utf8');
  const listed = [...page.matchAll(/^\| `([a-z_.0-9]+)` /gm)].map(([, name]) => name!.replaceAll('.', '_'));
  const scraped = new Set(
    [...Scraped.names]
      .filter((name) => /^(nestjs_push|messaging|nodejs)_/.test(name))
      .map((name) => name.replace(/_(total|bucket|sum|count)$/, '')),
  );
  expect([...scraped].sort()).toEqual([...new Set(listed)].sort());
});
