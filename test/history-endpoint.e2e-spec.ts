import {
  ForbiddenException,
  Injectable,
  ServiceUnavailableException,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import {
  OnPushConnect,
  OnPushDisconnect,
  OnPushSubscribe,
  PushAccess,
  PushModule,
  type Backplane,
  type ConnectionContext,
  type DisconnectContext,
  type SubscribeContext,
} from 'nestjs-push';
import { MemoryLog } from 'nestjs-push/testing';
import { request } from 'node:http';
import { RoomsPolicy, start } from './support/history-app.js';
import { numbers } from './support/numbers.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openSse } from './support/sse-reader.js';
import { platformsWithHttp2, startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

interface Page {
  readonly events: { topic: string; id: string; type?: string; data: unknown }[];
  readonly before?: string;
  readonly gap?: string;
  readonly code?: string;
  readonly details?: string[];
}

async function get(app: RunningApp, query: string, headers: Record<string, string> = {}) {
  const reader = await openSse(app.url(`/push/history${query}`), { headers });
  const text = await reader.untilEnd();
  return { status: reader.status, headers: reader.response.headers, body: JSON.parse(text) as Page };
}

describe.each(platformsWithHttp2)('GET /push/history on %s', (platform) => {
  beforeEach(() => (RoomsPolicy.decide = () => true));

  it('answers page by page, oldest first, up to the beginning', async () => {
    const app = await start(platform);
    const ids = await app.bus.publishMany(
      numbers(7).map((n) => ({ topic: 'news.a', data: { n }, type: n === 7 ? 'last' : undefined })),
    );
    await app.bus.publish('news.b', 'other');
    const newest = await get(app, '?topic=news.a&limit=3');
    expect(newest).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    });
    expect(newest.body).toEqual({
      events: [5, 6, 7].map((n) => ({
        topic: 'news.a',
        id: ids[n - 1],
        ...(n === 7 && { type: 'last' }),
        data: { n },
      })),
      before: ids[4],
    });
    const older = await get(app, `?topic=news.a&limit=3&before=${newest.body.before}`);
    expect(older.body.events.map(({ data }) => data)).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }]);
    const oldest = await get(app, `?topic=news.a&limit=3&before=${older.body.before}`);
    expect(oldest.body).toEqual({ events: [{ topic: 'news.a', id: ids[0], data: { n: 1 } }] });
    expect((await get(app, '?topic=news.never')).body).toEqual({ events: [] });
  });

  it('says that older events are gone, and that an id is of another log', async () => {
    const app = await start(platform, {
      topics: [{ pattern: 'news.>', access: 'public', retention: { events: 3 } }],
    });
    await app.bus.publishMany(numbers(5).map((data) => ({ topic: 'news.a', data })));
    const { body } = await get(app, '?topic=news.a');
    expect([body.events.map(({ data }) => data), body.gap, body.before]).toEqual([
      [3, 4, 5],
      'evicted',
      undefined,
    ]);
    expect((await get(app, '?topic=news.a&before=7e0b5f3c2d1a-40')).body).toEqual({
      events: [],
      gap: 'epoch',
    });
    expect((await get(app, '?topic=news.a&before=nonsense')).body).toEqual({ events: [], gap: 'malformed' });
    const ahead = `${body.events[0]!.id.split('-')[0]}-4711`;
    expect((await get(app, `?topic=news.a&before=${ahead}`)).body).toEqual({ events: [], gap: 'future' });
  });

  it('names each parameter that is wrong', async () => {
    const app = await start(platform);
    const { status, body } = await get(app, `?before=${'x'.repeat(65)}&limit=1001&before=b`);
    expect([status, body]).toMatchObject([
      400,
      {
        code: 'INVALID_MESSAGE',
        details: [
          'topic has to be there once: add ?topic=…',
          'before may be there once',
          'before may have 64 characters at most',
          'limit has to be a whole number from 1 to 1000',
        ],
      },
    ]);
    for (const limit of ['0', '-1', '1.5', 'x', '1e2'])
      expect((await get(app, `?topic=news.a&limit=${limit}`)).status).toBe(400);
    for (const topic of ['news.*', '>', 'a..b', ''])
      expect((await get(app, `?topic=${topic}`)).body).toMatchObject({ code: 'INVALID_TOPIC' });
    expect((await get(app, '?topic=news.a&limit=&before=&other=1')).status).toBe(200);
  });

  it('gives whoever may subscribe the past, and refuses others as a subscription does', async () => {
    const app = await start(platform, { authenticate: NameAuthenticator });
    await app.bus.publish('rooms.1', 'secret');
    const asked = (user?: string) => get(app, '?topic=rooms.1', user ? as(user).headers : {});
    expect((await asked('ann')).body.events).toMatchObject([{ data: 'secret' }]);
    expect(await asked('bob')).toMatchObject({
      status: 403,
      headers: { 'cache-control': 'no-store' },
      body: { code: 'FORBIDDEN' },
    });
    expect(await asked()).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect((await get(app, '?topic=other', as('ann').headers)).status).toBe(403);
    // A page of a foreign origin: its browser may have added a cookie.
    const foreign = { origin: 'https://evil.example', cookie: 'session=ann' };
    expect(await get(app, '?topic=rooms.1', foreign)).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
  });

  it('answers 403 if the right is taken back while it reads', async () => {
    const log = new LateLog();
    const app = await start(platform, { authenticate: NameAuthenticator, backplane: log.node() });
    const asked = get(app, '?topic=rooms.1', as('ann').headers);
    await log.asked;
    RoomsPolicy.decide = () => false;
    await app.nest.get(PushAccess).revoke('ann', 'rooms.1');
    log.answer();
    expect(await asked).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  });

  it('reads nothing that a hook refuses; hooks see a connection that subscribes and ends', async () => {
    const calls: string[] = [];
    @Injectable()
    class Seen {
      @OnPushConnect()
      connected({ principal, transport }: ConnectionContext) {
        calls.push(`connect ${principal?.id} ${transport}`);
        if (principal?.id === 'banned') throw new ForbiddenException('banned');
      }

      @OnPushSubscribe()
      async subscribed({ topics }: SubscribeContext) {
        await Promise.resolve();
        calls.push(`subscribe ${topics.join()}`);
        if (topics.includes('news.secret')) throw new ServiceUnavailableException('not now');
      }

      @OnPushDisconnect()
      disconnected({ principal, reason }: DisconnectContext) {
        calls.push(`disconnect ${principal?.id} ${reason}`);
      }
    }
    const app = await startApp(platform, {
      imports: [
        PushModule.forRoot({
          topics: [{ pattern: 'news.>', access: 'public' }],
          authenticate: NameAuthenticator,
        }),
      ],
      providers: [Seen, Users],
    });
    for (const topic of ['news.a', 'news.secret']) await app.bus.publish(topic, 'told');
    const asked = (user: string, topic: string) => get(app, `?topic=${topic}`, as(user).headers);
    expect((await asked('ann', 'news.a')).body.events).toMatchObject([{ data: 'told' }]);
    const banned = await asked('banned', 'news.a');
    const secret = await asked('ann', 'news.secret');
    expect([banned.status, secret.status, secret.body.code]).toEqual([403, 503, 'UNAVAILABLE']);
    expect(JSON.stringify([banned.body, secret.body])).not.toContain('told');
    await eventually(() => calls.length === 8);
    expect(calls).toEqual([
      'connect ann sse',
      'subscribe news.a',
      'disconnect ann client',
      'connect banned sse',
      'disconnect banned error',
      'connect ann sse',
      'subscribe news.secret',
      'disconnect ann error',
    ]);
  });

  it('is limited as subscriptions are, and says when to come back', async () => {
    const app = await start(platform, { limits: { subscribe: { perSecond: 0.001, burst: 2 } } });
    const statuses = [];
    for (const _ of [1, 2, 3]) statuses.push(await get(app, '?topic=news.a'));
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(statuses[2]).toMatchObject({ body: { code: 'LIMIT_EXCEEDED' } });
    expect(Number(statuses[2]!.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('is where it is whatever the application does to its own routes', async () => {
    const app = await start(platform, {}, (nest) => {
      nest.setGlobalPrefix('api');
      nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
      nest.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }));
    });
    await app.bus.publish('news.a', 1);
    const reader = await openSse(app.url('/api/push/history?topic=news.a&unknown[x]=1'));
    expect([reader.status, JSON.parse(await reader.untilEnd())]).toMatchObject([
      200,
      { events: [{ data: 1 }] },
    ]);
    const other = await openSse(app.url('/api/push/history/?topic=news.a'));
    expect(other.status).toBe(404);
  });

  it('leaves nothing when its client leaves while it reads', async () => {
    const log = new LateLog();
    const app = await start(platform, { backplane: log.node() });
    const asking = request(app.url('/push/history?topic=news.a')).on('error', () => undefined);
    asking.end();
    await log.asked;
    asking.destroy();
    // `startApp` sees to the rest: an application that still holds something for a client does not close.
    await eventually(() => app.bus.stats().history.waiting + app.bus.stats().history.reading <= 1);
    log.answer();
  });
});

/** A log with a past that a history answers for when it is told to. */
class LateLog {
  readonly log = new MemoryLog();
  readonly asked: Promise<void>;
  answer!: () => void;
  private readonly answers: Promise<void>;

  constructor() {
    let ask!: () => void;
    this.asked = new Promise((resolve) => (ask = resolve));
    this.answers = new Promise((resolve) => (this.answer = resolve));
    const first = this.log.node();
    first.start(silent, { of: () => kept, largest: kept });
    for (const topic of ['rooms.1', 'news.a']) this.log.append({ topic, data: '1' });
    const { history } = this.log;
    const page = history.page.bind(history);
    history.page = async (query) => {
      ask();
      await this.answers;
      return page(query);
    };
  }

  node(): Backplane {
    return this.log.node();
  }
}

const kept = { events: 100, age: Infinity };
const silent = {
  open: () => undefined,
  deliver: () => undefined,
  skip: () => undefined,
  reach: () => undefined,
  deliverEphemeral: () => undefined,
  control: () => undefined,
  congested: () => undefined,
};
