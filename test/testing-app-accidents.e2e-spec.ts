import { EventBus, PushModule, PushTickets, type PushOptions } from 'nestjs-push';
import { MemoryLog } from 'nestjs-push/testing';
import { pushTesting } from 'nestjs-push/testing/app';
import { afterTest } from './support/cleanup.js';
import { createApp } from './support/start-app.js';

async function start(options: PushOptions = {}) {
  const topics = [{ pattern: 'news.>', access: 'public' as const }, ...(options.topics ?? [])];
  const app = await createApp('express', {
    imports: [PushModule.forRoot({ ...options, topics, heartbeat: 15_000 })],
  });
  const push = await pushTesting(app);
  afterTest(() => push.close());
  return { app, push, bus: app.get(EventBus) };
}

const transports = ['websocket', 'sse'] as const;

describe.each(transports)('Accidents of the log, over %s', (transport) => {
  it('evicted: who comes back is told of a gap', async () => {
    const { push, bus } = await start();
    const client = await push.connect({ topics: 'news.*', transport });
    await bus.publish('news.1', 'first');
    await client.next();
    await client.cut();
    await bus.publish('news.1', 'missed');
    push.log.evict();
    await client.resume();
    expect(await client.message('gap')).toMatchObject({ reason: 'evicted', topics: ['news.*'] });
    await bus.publish('news.1', 'next');
    expect((await client.next()).data).toBe('next');
  });

  it('restarted: who is connected, and who comes back, is told that there is another log', async () => {
    const { push, bus } = await start();
    const [stays, leaves] = [
      await push.connect({ topics: 'news.*', transport }),
      await push.connect({ topics: 'news.*', transport }),
    ];
    await bus.publish('news.1', 'first');
    await Promise.all([stays.next(), leaves.next()]);
    await leaves.cut();
    push.log.restart();
    await leaves.resume();
    expect(await stays.message('gap')).toMatchObject({ reason: 'epoch' });
    expect(await leaves.message('gap')).toMatchObject({ reason: 'epoch' });
    await bus.publish('news.1', 'in the new log');
    expect((await stays.next()).data).toBe('in the new log');
    expect((await leaves.next()).data).toBe('in the new log');
    await push.published('news.1');
    expect((await push.published('news.1')).data).toBe('in the new log');
  });

  it('unavailable: publishing is refused, clients stay, and it comes back', async () => {
    const { push, bus } = await start();
    const client = await push.connect({ topics: 'news.*', transport });
    push.log.unavailable();
    push.log.unavailable();
    await expect(bus.publish('news.1', 'lost')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(bus.publish('news.1', 'lost', { ephemeral: true })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(await bus.health()).toMatchObject({ ready: false });
    push.log.available();
    expect(await bus.health()).toMatchObject({ ready: true });
    await bus.publish('news.1', 'kept');
    expect((await client.next()).data).toBe('kept');
    expect(client.received).toHaveLength(1);
  });
});

describe('The log of a backplane with a history', () => {
  it('is evicted too, and settles with what other nodes publish', async () => {
    const log = new MemoryLog();
    const [{ push, bus }, other] = [
      await start({ backplane: log.node() }),
      await start({ backplane: log.node() }),
    ];
    const client = await push.connect({ topics: 'news.*' });
    await bus.publish('news.1', 'first');
    await client.next();
    await client.cut();
    await other.bus.publish('news.1', 'missed');
    await push.settled();
    expect(push.allPublished('news.*').map(({ data }) => data)).toEqual(['first', 'missed']);
    push.log.evict();
    await client.resume();
    expect(await client.message('gap')).toMatchObject({ reason: 'evicted' });
  });
});

describe.each(transports)('Time, over %s', (transport) => {
  it('ends the connection of a principal that expires, and refuses it from then on', async () => {
    const { push } = await start();
    const as = { id: 'ann', expiresAt: Date.now() + 3_600_000 };
    const client = await push.connect({ as, topics: 'news.*', transport });
    await push.time.advance(3_599_000 - 10_000);
    expect(client.ended).toBeUndefined();
    await push.time.advance(11_000);
    expect(await client.end()).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
    await expect(client.resume()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('brings heartbeats', async () => {
    const { push } = await start();
    const client = await push.connect({ topics: 'news.*', transport });
    const before = client.messages.filter(({ event }) => event === 'heartbeat').length;
    expect(before).toBe(0);
    await push.time.advance(45_000);
    for (let count = 0; count < 3; count++) await client.message('heartbeat');
  });
});

describe('Time', () => {
  it('lets states expire, and events grow too old', async () => {
    const { push, bus } = await start({
      topics: [
        { pattern: 'prices.*', state: true, ttl: 60_000, access: 'public' },
        { pattern: 'old.*', retention: { age: 60_000 }, access: 'public' },
      ],
    });
    await bus.publish('prices.a', 1);
    const id = await bus.publish('old.a', 1);
    await bus.publish('old.a', 2);
    const reader = await push.connect({ topics: ['prices.*'], from: 'last' });
    expect((await reader.next()).data).toBe(1);
    await push.time.advance(59_000);
    expect((await bus.history('old.a')).events).toHaveLength(2);
    await push.time.advance(2_000);
    expect(await reader.message('removed')).toMatchObject({ topic: 'prices.a' });
    const late = await push.connect({ topics: ['old.*'], from: id });
    expect(await late.message('gap')).toMatchObject({ reason: 'evicted' });
    // A client that comes now finds no state.
    const next = await push.connect({ topics: ['prices.*'], from: 'last' });
    expect(next.received).toEqual([]);
  });

  it('voids tickets', async () => {
    const { app, push } = await start();
    const tickets = app.get(PushTickets);
    const [good, late] = [await tickets.issue({ id: 'ann' }), await tickets.issue({ id: 'ann' })];
    const statusOf = async (ticket: string) => {
      const response = await fetch(push.url(`/push/history?topic=news.1&ticket=${ticket}`));
      await response.body?.cancel();
      return response.status;
    };
    expect(await statusOf(good)).toBe(200);
    await push.time.advance(31_000);
    expect(await statusOf(late)).toBe(401);
  });

  it('ends the grace of presence', async () => {
    const { push, bus } = await start({
      topics: [{ pattern: 'rooms.*', access: 'public', presence: { grace: 5_000 } }],
    });
    const presence = bus.presence('rooms.1');
    const client = await push.connect({ as: 'ann', topics: 'rooms.1' });
    await push.settled();
    expect(presence.users()).toMatchObject([{ user: 'ann' }]);
    await client.cut();
    await push.time.advance(4_000);
    expect(presence.count).toBe(1);
    await client.resume();
    await push.time.advance(10_000);
    expect(presence.count).toBe(1);
    await client.cut();
    await push.time.advance(5_000);
    await push.settled();
    expect(presence.count).toBe(0);
  });

  it('refuses to stand still for ever, or to go back', async () => {
    const { push } = await start();
    await expect(push.time.advance(-1)).rejects.toThrow('Time cannot go on by -1 ms.');
    await expect(push.time.advance(Number.NaN)).rejects.toThrow('Time cannot go on by NaN ms.');
  });
});
