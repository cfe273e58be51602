import {
  anonymous,
  Authenticator,
  PushModule,
  type AuthenticationResult,
  type Backplane,
  type PushOptions,
} from 'nestjs-push';
import { PushMetricsModule } from 'nestjs-push/opentelemetry';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { LateNode } from './support/late-node.js';
import { Scraped } from './support/scraped.js';
import { startRedis, type ServerProcess } from './support/servers.js';
import { openSse, openStream } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

// Gauges: what moves each, what does not, and what brings it back.

const topics = [{ pattern: '>', access: 'public' as const }];
const path = '/push/events?topic=news.a';

class Node {
  private constructor(
    readonly app: RunningApp,
    private readonly scraped: Scraped,
  ) {}

  static async start(options: PushOptions = {}): Promise<Node> {
    const scraped = await Scraped.start();
    const app = await startApp('express', {
      imports: [
        PushModule.forRoot({ topics, onError: () => undefined, ...options }),
        PushMetricsModule.forRoot({ meterProvider: scraped.meterProvider, eventLoopDelay: false }),
      ],
    });
    await eventually(async () => (await app.bus.health()).ready);
    return new Node(app, scraped);
  }

  /** The values of these metrics, without the prefix. */
  async read(...names: string[]): Promise<(number | undefined)[]> {
    const scrape = await this.scraped.scrape();
    return names.map((name) => scrape.of(`nestjs_push_${name}`));
  }

  async reads(name: string, value: number): Promise<void> {
    await eventually(async () => (await this.read(name))[0] === value);
  }
}

describe('What readers there are', () => {
  const readers = ['subscriptions', 'audiences', 'readers_lagging'];

  it('moves with those who come and go, and not with what they read', async () => {
    const node = await Node.start();
    expect(await node.read(...readers)).toEqual([0, 0, 0]);
    const streams = [await openStream(node.app.url(path)), await openStream(node.app.url(path))];
    const socket = await openWs(node.app.webSocketUrl());
    await socket.subscribe(['news.a', 'news.b']);
    const there = await node.read(...readers);
    expect(there).toEqual([4, 2, 0]);
    await node.app.bus.publish('news.a', 1);
    await Promise.all([socket.untilData(1), ...streams.map((stream) => stream.untilEvents(1))]);
    expect(await node.read(...readers)).toEqual(there);
    await socket.ask('unsubscribe', { topics: ['news.a'] });
    streams.forEach((stream) => stream.drop());
    await node.reads('subscriptions', 1);
    expect(await node.read(...readers)).toEqual([1, 1, 0]);
  });

  it('has one that lags while it does not read, and none for those who do', async () => {
    const node = await Node.start();
    const slow = await openStream(node.app.url(path));
    const other = await openStream(node.app.url(path));
    slow.response.pause();
    let count = 0;
    while ((await node.read('readers_lagging'))[0] === 0)
      for (let n = 0; n < 20; n++, count++) await node.app.bus.publish('news.a', 'x'.repeat(50_000));
    await other.untilEvents(count);
    await node.reads('readers_lagging', 1);
    slow.response.resume();
    await slow.untilEvents(count);
    await node.reads('readers_lagging', 0);
  });
});

it('The window grows with what is stored, and not with what is not', async () => {
  const window = ['window_events', 'window_topics', 'window_bytes', 'log_read_total'];
  const node = await Node.start({ retention: { events: 2 } });
  const empty = await node.read(...window);
  expect(empty).toEqual([0, 0, 0, 0]);
  await node.app.bus.publish('news.a', 1, { ephemeral: true });
  expect(await node.read(...window)).toEqual(empty);
  for (let n = 0; n < 3; n++) await node.app.bus.publish('news.a', n);
  await node.app.bus.publish('news.b', 1);
  const [events, names, bytes, read] = await node.read(...window);
  expect([events, names, read]).toEqual([3, 2, 4]);
  expect(bytes).toBeGreaterThan(0);
});

describe('Those who wait', () => {
  /** Lets in whoever comes, at its time. */
  class SlowAuthenticator extends Authenticator {
    static held: (() => void)[] | undefined;

    async authenticate(): Promise<AuthenticationResult> {
      const { held } = SlowAuthenticator;
      if (held) await new Promise<void>((resolve) => held.push(resolve));
      return anonymous;
    }
  }

  afterEach(() => {
    SlowAuthenticator.held?.forEach((release) => release());
    SlowAuthenticator.held = undefined;
  });

  it('for the authenticator are handshakes; those who were let in are none', async () => {
    const node = await Node.start({ authenticate: SlowAuthenticator });
    await openStream(node.app.url(path));
    expect(await node.read('handshakes_pending', 'connections')).toEqual([0, 1]);
    SlowAuthenticator.held = [];
    const waiting = [openStream(node.app.url(path)), openStream(node.app.url(path))];
    await node.reads('handshakes_pending', 2);
    expect(await node.read('connections')).toEqual([1]);
    SlowAuthenticator.held.forEach((release) => release());
    await Promise.all(waiting);
    expect(await node.read('handshakes_pending', 'connections')).toEqual([0, 3]);
  });
});

describe('With Redis', () => {
  let redis: ServerProcess;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.dispose());

  const start = (port: number, options: PushOptions = {}, make: (url: string) => Backplane = plain) =>
    Node.start({ backplane: make(`redis://127.0.0.1:${port}`), ...options });
  const plain = (url: string): Backplane => redisBackplane({ url });

  it('the lag is what a node has not been told of yet, and not what it has', async () => {
    let late!: LateNode;
    const node = await start(redis.port, {}, (url) => (late = new LateNode({ url })));
    const other = await start(redis.port);
    await other.app.bus.publish('news.a', 0);
    await node.reads('log_lag', 0);
    late.hold();
    for (let n = 1; n <= 3; n++) await other.app.bus.publish('news.a', n);
    await node.reads('log_lag', 3);
    expect(await other.read('log_lag')).toEqual([0]);
    late.release();
    await node.reads('log_lag', 0);
  });

  it('an event waits until Redis has answered, and so does a page of the past', async () => {
    const proxy = await TcpProxy.start(redis.port);
    afterTest(() => proxy.dispose());
    const waiting = ['backplane_pending', 'history_pending', 'history_pages_total'];
    const node = await start(proxy.port, { retention: { events: 2_000, bytes: 4_096 } });
    const first = await node.app.bus.publish('news.a', 'x'.repeat(500));
    const live = await openStream(node.app.url(path));
    for (let n = 0; n < 20; n++) await node.app.bus.publish('news.a', 'x'.repeat(500));
    await live.untilEvents(20);
    // What is live, or in memory, is not read from Redis.
    expect(await node.read(...waiting)).toEqual([0, 0, 0]);
    proxy.holdAnswers();
    const published = node.app.bus.publish('news.a', 'late');
    const past = await openSse(node.app.url(path), { headers: { 'last-event-id': first } });
    await node.reads('backplane_pending', 1);
    await node.reads('history_pending', 1);
    proxy.reset();
    await published;
    await past.untilEvents(21);
    await node.reads('backplane_pending', 0);
    await node.reads('history_pending', 0);
    expect((await node.read('history_pages_total'))[0]).toBeGreaterThan(0);
  });
});
