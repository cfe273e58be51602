import { Controller, Sse } from '@nestjs/common';
import { EventBus, PushModule, type Backplane, type PushOptions } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { setImmediate as turn } from 'node:timers/promises';
import { map } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { freePort } from './support/free-port.js';
import { numbers } from './support/numbers.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { openSse, openStream } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

@Controller()
class NewsController {
  constructor(private readonly events: EventBus) {}

  @Sse('piped')
  piped() {
    return this.events.stream(['news.*', 'prices'], { wildcards: true }).pipe(map((message) => message));
  }
}

/** Many events at once take their time on a busy machine. */
const patient = { publishTimeout: 60_000 };

interface Kind {
  readonly name: string;
  readonly startServer: () => Promise<ServerProcess>;
  readonly backplane: (port: number) => Backplane;
  /** Whether it drops events of a topic that has too many. Otherwise it drops what is old, of all topics. */
  readonly dropsByTopic: boolean;
}

const logs: Kind[] = [
  {
    name: 'Redis',
    startServer: startRedis,
    backplane: (port) => redisBackplane({ url: `redis://127.0.0.1:${port}`, ...patient }),
    dropsByTopic: true,
  },
  {
    name: 'NATS',
    startServer: startNats,
    backplane: (port) => natsBackplane({ servers: `127.0.0.1:${port}`, perTopic: 2_000, ...patient }),
    dropsByTopic: true,
  },
  {
    name: 'Postgres',
    startServer: () => startPostgres(),
    backplane: (port) => postgresBackplane({ url: urlOf(port), ...patient }),
    dropsByTopic: false,
  },
];

const early: [string, (port: number) => Promise<ServerProcess>, (port: number) => Backplane][] = [
  [
    'Redis',
    (port) => startRedis('none', [], port),
    (port) => redisBackplane({ url: `redis://127.0.0.1:${port}`, ...patient }),
  ],
  [
    'NATS',
    (port) => startNats([], port),
    (port) => natsBackplane({ servers: `127.0.0.1:${port}`, ...patient }),
  ],
  [
    'Postgres',
    (port) => startPostgres([], undefined, port),
    (port) => postgresBackplane({ url: urlOf(port), ...patient }),
  ],
];

describe.each(early)('A node that is there before %s', (_, startServer, backplane) => {
  it('lets clients wait until it has reached the log, and gives them everything from then on', async () => {
    const port = await freePort();
    const app = await startApp('express', {
      imports: [
        PushModule.forRoot({
          backplane: backplane(port),
          topics: [{ pattern: '>', access: 'public' }],
          // Servers take their time to start on a busy machine.
          limits: { decisionTimeout: 50_000 },
        }),
      ],
      controllers: [NewsController],
    });
    const opening = Promise.all([
      openSse(app.url('/push/events?topic=prices')),
      openSse(app.url('/piped')),
      openWs(app.webSocketUrl(), { handshakeTimeout: 50_000 }),
    ]);
    const server = await startServer(port);
    afterTest(() => server.dispose());
    const [sse, piped, ws] = await opening;
    await ws.subscribe('prices');
    await sse.until(() => sse.lastEventId !== '');
    await eventually(async () => (await app.bus.health()).ready);
    await app.bus.publish('prices', 1);
    await Promise.all([sse.untilEvents(1), piped.untilEvents(1), ws.untilData(1)]);
    expect([sse.gaps, piped.gaps, ws.all('gap')]).toEqual([[], [], []]);
  });
});

describe.each(logs)('A node that starts over a log in $name with a past', (kind) => {
  const { startServer, backplane } = kind;
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  /** A node; the one that is ready can publish, and knows where the log ends. */
  async function node(options: PushOptions = {}, port = server.port): Promise<RunningApp> {
    const app = await startApp('express', {
      imports: [
        PushModule.forRoot({
          backplane: backplane(port),
          topics: [
            { pattern: 'short.>', access: 'public', retention: { events: 5 } },
            { pattern: '>', access: 'public' },
          ],
          ...options,
        }),
      ],
      controllers: [NewsController],
    });
    await eventually(async () => (await app.bus.health()).ready);
    return app;
  }

  const publish = (app: RunningApp, topic: string, data: readonly number[]) =>
    Promise.all(data.map((each) => app.bus.publish(topic, each)));

  /** Publishes on a node that ends then, and starts another. */
  async function restarted(past: (first: RunningApp) => Promise<string>): Promise<[RunningApp, string]> {
    const first = await node();
    const id = await past(first);
    await first.close();
    return [await node(), id];
  }

  const events = (path: string, topics: string[], query = '') =>
    `${path}?${topics.map((topic) => `topic=${topic}`).join('&')}${query}`;

  it('gives who resumes exactly what it missed, by every door, then what is live', async () => {
    const [second, id] = await restarted(async (first) => {
      const [, , third] = await publish(first, 'news.a', numbers(3));
      await publish(first, 'other', numbers(20));
      await publish(first, 'news.b', numbers(300, 4));
      await publish(first, 'prices', [304]);
      return third!;
    });
    const topics = ['news.*', 'prices'];
    const headers = { 'Last-Event-ID': id };
    const sse = await openStream(second.url(events('/push/events', topics)), { headers });
    const piped = await openStream(second.url('/piped'), { headers });
    const ws = await openWs(second.webSocketUrl());
    const answer = await ws.subscribe(topics, id);
    await publish(second, 'news.a', [305]);
    await Promise.all([sse.untilEvents(302), piped.untilEvents(302), ws.untilData(302)]);
    expect(answer).toMatchObject({ event: 'subscribed', id });
    expect(ws.data).toEqual(numbers(302, 4));
    expect(sse.data.map((each) => (JSON.parse(each) as { data: number }).data)).toEqual(numbers(302, 4));
    expect(piped.data.map(Number)).toEqual(numbers(302, 4));
    expect([sse.gaps, piped.gaps, ws.all('gap')]).toEqual([[], [], []]);
    const { history } = second.bus.stats();
    expect(history.pages).toBeGreaterThan(0);
    expect(history).toMatchObject({ reading: 0, waiting: 0 });
  });

  it('lets who comes from a node that is ahead wait until it is there, too', async () => {
    const proxy = await TcpProxy.start(server.port);
    afterTest(() => proxy.dispose());
    const [ahead, late] = [await node(), await node({}, proxy.port)];
    proxy.refuse();
    const ids = await publish(ahead, 'ahead', numbers(3));
    const path = events('/push/events', ['ahead']);
    const sse = await openSse(late.url(path), { headers: { 'Last-Event-ID': ids[1]! } });
    const ws = await openWs(late.webSocketUrl());
    const answer = ws.subscribe('ahead', ids[1]!);
    while (late.bus.stats().lagging < 2) await turn();
    await publish(ahead, 'ahead', [4]);
    proxy.heal();
    await Promise.all([sse.untilEvents(2), ws.untilData(2)]);
    expect(await answer).toMatchObject({ event: 'subscribed', id: ids[1] });
    expect(ws.data).toEqual([3, 4]);
    expect(sse.data.map((each) => (JSON.parse(each) as { data: number }).data)).toEqual([3, 4]);
    expect([sse.gaps, ws.all('gap')]).toEqual([[], []]);
  });

  it('counts what the backplane keeps in the log for itself, on every node', async () => {
    const [one, other] = [await node(), await node()];
    await Promise.all([one.bus.health(), other.bus.health()]);
    const { head } = one.bus.stats().positions;
    const sse = await openStream(other.url(events('/push/events', ['own'])), {
      headers: { 'Last-Event-ID': head },
    });
    await publish(one, 'own', [1]);
    await sse.untilEvents(1);
    expect(sse.gaps).toEqual([]);
    await publish(other, 'own', [2]);
    await sse.untilEvents(2);
  });

  it('tells once of what the log no longer has, before anything newer', async () => {
    const [second, id] = await restarted(async (first) => {
      const [, start] = await publish(first, 'short.a', numbers(2));
      await publish(first, 'long.a', numbers(2));
      // Beyond the most that a server keeps which knows one bound for all topics.
      await publish(first, 'short.a', numbers(2_200, 3));
      return start!;
    });
    const headers = { 'Last-Event-ID': id };
    const sse = await openStream(second.url(events('/push/events', ['short.a', 'long.a'])), { headers });
    const quiet = await openStream(second.url(events('/push/events', ['long.a'])), { headers });
    const ws = await openWs(second.webSocketUrl());
    await ws.subscribe(['short.a', 'long.a'], id);
    await publish(second, 'long.a', [3]);
    await sse.until(() => sse.data.some((each) => each === '{"topic":"long.a","data":3}'));
    await Promise.all([quiet.untilEvents(3), ws.until(() => ws.data.at(-1) === 3)]);
    expect([quiet.gaps, quiet.events.length]).toEqual([[], 3]);
    const told = kind.dropsByTopic ? [{ reason: 'evicted', topics: ['short.a'] }] : [];
    for (const gaps of [sse.gaps, ws.all('gap')]) {
      expect(gaps).toHaveLength(told.length);
      expect(gaps).toMatchObject(told);
    }
    const short = ws
      .all('message')
      .flatMap(({ topic, data }) => (topic === 'short.a' ? [data as number] : []));
    expect(short.length).toBeGreaterThanOrEqual(5);
    expect(short).toEqual(numbers(short.length, 2_203 - short.length));
    if (!kind.dropsByTopic) {
      expect(short).toHaveLength(2_200);
      return;
    }
    const isGap = (type: string, data: string) => type === 'push.gap' || data.includes('short.a');
    expect(sse.events.find(({ type, data }) => isGap(type, data))?.type).toBe('push.gap');
  });

  it('starts "earliest" and "last" with what the log has', async () => {
    const [second] = await restarted(async (first) => {
      await publish(first, 'state.1', [1, 2]);
      await publish(first, 'state.2', [3, 4]);
      return '';
    });
    const [earliest, last] = [await openWs(second.webSocketUrl()), await openWs(second.webSocketUrl())];
    await earliest.subscribe('state.*', 'earliest');
    await last.subscribe('state.*', 'last');
    await Promise.all([earliest.next('live'), last.next('live')]);
    await publish(second, 'state.1', [5]);
    await Promise.all([earliest.untilData(5), last.untilData(3)]);
    expect(earliest.data).toEqual([1, 2, 3, 4, 5]);
    expect(last.data).toEqual([2, 4, 5]);
  });

  it('shares the pages among a crowd that comes back', async () => {
    const [second, id] = await restarted(async (first) => {
      const [start] = await publish(first, 'crowd', numbers(200));
      return start!;
    });
    const crowd = await Promise.all(numbers(100).map(() => openWs(second.webSocketUrl())));
    await Promise.all(crowd.map((client) => client.subscribe('crowd', id)));
    await Promise.all(crowd.map((client) => client.untilData(199)));
    for (const client of crowd) expect(client.data).toEqual(numbers(199, 2));
    expect(second.bus.stats().history.pages).toBeLessThan(20);
  });

  it('gives a slow reader what did not fit into memory', async () => {
    const app = await node({ retention: { bytes: 300_000 } });
    const ws = await openWs(app.webSocketUrl());
    await ws.subscribe('large', 'now');
    ws.socket.pause();
    afterTest(() => ws.socket.terminate());
    const padding = 'x'.repeat(20_000);
    await Promise.all(numbers(600).map((n) => app.bus.publish('large', { n, padding })));
    expect(app.bus.stats().window.events).toBeLessThan(20);
    ws.socket.resume();
    await ws.untilData(600);
    expect(ws.data.map((data) => (data as { n: number }).n)).toEqual(numbers(600));
    expect(ws.all('gap')).toEqual([]);
    expect(app.bus.stats().history.pages).toBeGreaterThan(0);
  });
});
