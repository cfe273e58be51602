import { as } from './support/roles.js';
import { openEvents, start, storyOn } from './support/snapshot-app.js';
import { openSse } from './support/sse-reader.js';
import type { Platform } from './support/start-app.js';
import { eventually } from './support/watched.js';

describe('An event stream that begins by snapshots', () => {
  it.each<Platform>(['express', 'fastify', 'fastify over HTTP/2'])(
    'has ids once it cannot lose a state, and begins again until then (%s)',
    async (platform) => {
      const { app, database } = await start({}, platform);
      const before = await app.bus.publish('orders.1', 'before');
      const query = 'topic=orders.1&topic=orders.2&from=snapshot';
      const cut = await openEvents(app, query);
      const calls = [await database.next(), await database.next()];
      calls[0]!.answer('a');
      await app.bus.publish('orders.2', 'b1');
      expect(cut.lastEventId).toBe('');
      cut.drop();
      await eventually(() => calls[1]!.context.signal.aborted);
      calls[1]!.fail(new Error('given up'));
      const reader = await openEvents(app, query);
      const again = [await database.next(), await database.next()];
      const id = await app.bus.publish('orders.2', 'b2');
      for (const { answer, context } of again) answer(`state of ${context.topic}`);
      await reader.until(() => reader.events.length >= 3);
      expect(new Set(reader.events.slice(0, 2).map(({ type, data }) => `${type} ${data}`))).toEqual(
        new Set(
          ['orders.1', 'orders.2'].map(
            (topic) => `push.snapshot {"topic":"${topic}","data":"state of ${topic}"}`,
          ),
        ),
      );
      expect(storyOn(reader)[2]).toBe(`message ${id} {"topic":"orders.2","data":"b2"}`);
      expect(before).not.toBe(id);
    },
  );

  it('resumes from its last id, and gets fresh states only after a gap', async () => {
    const { app, database } = await start();
    const query = 'topic=orders.1&from=snapshot';
    const id = await app.bus.publish('orders.1', 1);
    await app.bus.publish('orders.1', 2);
    const resumed = await openEvents(app, query, { 'last-event-id': id });
    expect((await resumed.untilEvents(1)).map(({ data }) => data)).toEqual(['{"topic":"orders.1","data":2}']);
    expect(database.untaken).toBe(0);
    await app.bus.publishMany([3, 4, 5, 6].map((data) => ({ topic: 'orders.1', data })));
    const gone = await openEvents(app, query, { 'last-event-id': id });
    await gone.untilEvents(1);
    expect(storyOn(gone)).toEqual([
      `push.gap ${id} {"reason":"evicted","topics":["orders.1"],"id":"${id}","snapshot":true}`,
    ]);
    const newest = await app.bus.publish('orders.1', 7);
    (await database.next()).answer('fresh');
    await gone.untilEvents(3);
    expect(storyOn(gone)[1]).toMatch(/^push\.snapshot \S+ \{"topic":"orders\.1","data":"fresh"\}$/);
    expect(storyOn(gone)[2]).toBe(`message ${newest} {"topic":"orders.1","data":7}`);
    const elsewhere = await openEvents(app, query, { 'last-event-id': 'elsewhere-7' });
    await elsewhere.untilEvents(1);
    expect(elsewhere.gaps).toMatchObject([{ reason: 'epoch', snapshot: true }]);
    elsewhere.drop();
    const again = await openEvents(app, query, { 'last-event-id': elsewhere.lastEventId });
    await again.untilEvents(1);
    expect(again.gaps).toMatchObject([{ reason: 'epoch', snapshot: true }]);
  });

  it('ends with an error if a state cannot be loaded: the client comes back and tries again', async () => {
    const { app, database } = await start();
    const reader = await openEvents(app, 'topic=orders.1&from=snapshot');
    (await database.next()).fail(new Error('down'));
    await reader.untilEnd();
    expect(reader.body).toContain(
      'event: push.error\ndata: {"code":"SNAPSHOT_FAILED","message":"The state of orders.1 could not be loaded.","retryable":true}\n\n',
    );
    expect(reader.lastEventId).toBe('');
  });

  it.each([
    ['a wildcard', 'topic=orders.*&from=snapshot'],
    ['a topic that nothing loads', 'topic=news&from=snapshot'],
  ])('is refused %s with 400', async (_, query) => {
    const { app } = await start();
    const reader = await openEvents(app, query);
    expect([reader.status, JSON.parse(await reader.untilEnd())]).toMatchObject([
      400,
      { code: 'INVALID_TOPIC' },
    ]);
  });

  it('may be a message stream over HTTP', async () => {
    const { app, database } = await start();
    const body = JSON.stringify({ subscribe: [{ topics: ['orders.1'], from: 'snapshot', ref: 'r' }] });
    const headers = { ...as('ann').headers, 'content-type': 'application/json' };
    const reader = await openSse(app.url('/push/events'), { method: 'POST', body, headers });
    (await database.next()).answer('state');
    await reader.untilEvents(4);
    const messages = reader.events.map(({ data }) => JSON.parse(data) as { event: string; data: object });
    expect(messages.map(({ event }) => event)).toEqual(['hello', 'subscribed', 'snapshot', 'live']);
    expect(messages[2]!.data).toMatchObject({ topic: 'orders.1', data: 'state' });
  });
});

describe('A route of the application', () => {
  it('begins by a snapshot, for its principal', async () => {
    const { app, database } = await start({ sse: { principal: () => ({ id: 'route' }) } });
    const id = await app.bus.publish('orders.1', 'before');
    const reader = await openSse(app.url('/one'));
    const call = await database.next();
    expect(call.context.principal).toEqual({ id: 'route' });
    const next = await app.bus.publish('orders.1', 'after');
    call.answer('state');
    await reader.untilEvents(2);
    expect(storyOn(reader)).toEqual([
      `push.snapshot ${id} {"topic":"orders.1","data":"state"}`,
      `message ${next} after`,
    ]);
  });

  it('has it as a message in its pipe', async () => {
    const { app, database } = await start({ sse: { principal: () => ({ id: 'route' }) } });
    const id = await app.bus.publish('orders.1', 'before');
    const reader = await openSse(app.url('/piped'));
    const call = await database.next();
    expect(call.context.principal).toEqual({ id: 'route' });
    call.answer('state');
    const next = await app.bus.publish('orders.1', 'after');
    await reader.untilEvents(2);
    expect(storyOn(reader)).toEqual([
      `push.snapshot ${id} {"whole":"state"}`,
      `message ${next} {"part":"after"}`,
    ]);
  });

  it('is refused a wildcard', async () => {
    const { app } = await start();
    const reader = await openSse(app.url('/many'));
    expect([reader.status, JSON.parse(await reader.untilEnd())]).toMatchObject([
      400,
      { code: 'INVALID_TOPIC' },
    ]);
  });
});
