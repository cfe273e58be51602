import { PushModule, type Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { numbers } from './support/numbers.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platformsWithHttp2, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe.each(platformsWithHttp2)('A stream on %s', (platform) => {
  const start = () =>
    startApp(platform, {
      imports: [
        PushModule.forRoot({ topics: [{ pattern: 'notes', access: 'public', retention: { events: 2 } }] }),
      ],
    });

  it.each(['last:0', 'last:1001', 'last:', 'last:2.5', 'last:x'])(
    'is refused from=%s, and it says why',
    async (from) => {
      const app = await start();
      const reader = await openSse(app.url(`/push/events?topic=notes&from=${from}`));
      expect([reader.status, JSON.parse(await reader.untilEnd())]).toMatchObject([
        400,
        {
          code: 'INVALID_MESSAGE',
          details: [`from is "${from}"; after "last:" comes a whole number from 1 to 1000`],
        },
      ]);
    },
  );

  it('begins from=start with the notice that the beginning is gone', async () => {
    const app = await start();
    await app.bus.publishMany([1, 2, 3].map((data) => ({ topic: 'notes', data })));
    const reader = await openStream(app.url('/push/events?topic=notes&from=start'));
    await reader.untilEvents(3);
    expect(reader.events.map(({ type }) => type)).toEqual(['push.gap', 'message', 'message']);
    expect(reader.gaps).toMatchObject([{ reason: 'evicted', topics: ['notes'] }]);
  });
});

/** The last is how many events of a topic the log has of more than 50, which is the bound. */
const logs: [string, () => Promise<ServerProcess>, (port: number) => Backplane, number][] = [
  ['Redis', startRedis, (port) => redisBackplane({ url: `redis://127.0.0.1:${port}` }), 50],
  ['NATS', startNats, (port) => natsBackplane({ servers: `127.0.0.1:${port}`, perTopic: 50 }), 50],
  // It drops by time, not by topic.
  ['Postgres', () => startPostgres(), (port) => postgresBackplane({ url: urlOf(port) }), Infinity],
];

describe.each(logs)('A node that starts over a log in %s', (_, startServer, backplane, most) => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  async function node() {
    const app = await startApp('express', {
      imports: [
        PushModule.forRoot({
          backplane: backplane(server.port),
          topics: [{ pattern: '>', access: 'public' }],
          retention: { events: 50 },
        }),
      ],
    });
    await eventually(async () => (await app.bus.health()).ready);
    return app;
  }

  it('gives the newest few of each topic on every door, in log order, then what is live', async () => {
    const first = await node();
    const room = (n: number) => (n % 100 === 0 ? 'rooms.quiet' : n % 3 === 0 ? 'rooms.b' : 'rooms.a');
    await Promise.all(numbers(400).map((n) => first.bus.publish(room(n), n)));
    await first.close();
    const second = await node();
    await second.bus.publish('rooms.b', 401);
    // A node reads its log a moment after it was written.
    await eventually(async () => {
      const { events } = await second.bus.history('rooms.b', { limit: 1 });
      return events[0]?.data === 401;
    });
    const all = numbers(400).filter((n) => n < 401);
    const newest = ['rooms.a', 'rooms.b', 'rooms.quiet']
      .flatMap((topic) =>
        [...all.filter((n) => room(n) === topic), ...(topic === 'rooms.b' ? [401] : [])].slice(-30),
      )
      .sort((a, b) => a - b);
    const sse = await openStream(second.url('/push/events?topic=rooms.*&from=last:30'));
    const ws = await openWs(second.webSocketUrl());
    await ws.subscribe(['rooms.*'], 'last:30');
    await second.bus.publish('rooms.quiet', 402);
    await Promise.all([sse.untilEvents(newest.length + 1), ws.untilData(newest.length + 1)]);
    expect(ws.data).toEqual([...newest, 402]);
    expect(sse.data.map((each) => (JSON.parse(each) as { data: number }).data)).toEqual([...newest, 402]);
    expect([sse.gaps, ws.all('gap')]).toEqual([[], []]);
  });

  it('gives all of a topic from=start, after a gap if the beginning is gone', async () => {
    const first = await node();
    await Promise.all(numbers(20).map((n) => first.bus.publish('whole', n)));
    await Promise.all(numbers(90).map((n) => first.bus.publish('long', n)));
    await first.close();
    const second = await node();
    const [whole, long] = [await openWs(second.webSocketUrl()), await openWs(second.webSocketUrl())];
    await Promise.all([whole.subscribe('whole', 'start'), long.subscribe('long', 'start')]);
    const kept = Math.min(most, 90);
    await Promise.all([whole.untilData(20), long.untilData(kept)]);
    expect([whole.data, long.data]).toEqual([numbers(20), numbers(kept, 91 - kept)]);
    expect(whole.all('gap')).toEqual([]);
    if (kept === 90) {
      expect(long.all('gap')).toEqual([]);
      return;
    }
    expect(long.messages.findIndex(({ event }) => event === 'gap')).toBe(
      long.messages.findIndex(({ event }) => event === 'message') - 1,
    );
    expect(long.all('gap')).toMatchObject([{ reason: 'evicted', topics: ['long'] }]);
  });
});
