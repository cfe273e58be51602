import { Controller, Injectable, NotFoundException, Scope, Sse } from '@nestjs/common';
import {
  EventBus,
  isSnapshot,
  PushAccess,
  PushModule,
  PushSnapshot,
  snapshotAt,
  type PushOptions,
  type SnapshotContext,
} from 'nestjs-push';
import { map } from 'rxjs';
import { NameAuthenticator, as, Users } from './support/roles.js';
import { openSse, type SseReader } from './support/sse-reader.js';
import { createApp, startApp, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs, type WsClient } from './support/ws-client.js';

/** A call of the database that has not been answered. */
interface Call {
  readonly context: SnapshotContext;
  answer(data: unknown): void;
  fail(error: Error): void;
}

/** What an application would keep in a database. Each call waits until the test answers it. */
@Injectable()
class Database {
  readonly calls: Call[] = [];
  private asked = 0;

  query(context: SnapshotContext): Promise<unknown> {
    return new Promise((answer, fail) => this.calls.push({ context, answer, fail }));
  }

  /** The next call, when it comes. */
  async next(): Promise<Call> {
    const index = this.asked++;
    await eventually(() => this.calls.length > index);
    return this.calls[index]!;
  }

  /** How many calls have come that no test has taken. */
  get untaken(): number {
    return this.calls.length - this.asked;
  }
}

@Injectable()
class Orders {
  constructor(private readonly database: Database) {}

  @PushSnapshot('orders.:id')
  one(context: SnapshotContext) {
    return this.database.query(context);
  }

  @PushSnapshot('orders.:id.>')
  parts(context: SnapshotContext) {
    return this.database.query(context);
  }

  @PushSnapshot('boards.:id', { shared: true })
  board(context: SnapshotContext) {
    return this.database.query(context);
  }

  @PushSnapshot('now')
  now() {
    return { at: 'once' };
  }
}

@Controller()
class Routes {
  constructor(private readonly bus: EventBus) {}

  @Sse('one')
  one() {
    return this.bus.stream('orders.1', { from: 'snapshot' });
  }

  @Sse('piped')
  piped() {
    const stream = this.bus.stream<string>('orders.1', { from: 'snapshot' });
    return stream.pipe(
      map((message) =>
        isSnapshot(message)
          ? { ...message, data: { whole: message.data.data } }
          : { ...message, data: { part: message.data } },
      ),
    );
  }

  @Sse('many')
  many() {
    return this.bus.stream('orders.*', { from: 'snapshot', wildcards: true });
  }
}

const errors: [error: unknown, stage: string][] = [];
beforeEach(() => void errors.splice(0));

async function start(options: PushOptions = {}, platform: Platform = 'express') {
  const app = await startApp(platform, {
    imports: [
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        topics: [{ pattern: '>', access: 'authenticated', retention: { events: 3 } }],
        onError: (error, { stage }) => errors.push([error, stage]),
        ...options,
      }),
    ],
    controllers: [Routes],
    providers: [Database, Orders, Users],
  });
  return { app, database: app.nest.get(Database) };
}

const ann = (app: RunningApp) => openWs(app.webSocketUrl(), as('ann'));

function subscribe(
  client: WsClient,
  topics: string[],
  rest: object = { from: 'snapshot' },
  ref = topics.join(),
) {
  client.send({ event: 'subscribe', data: { topics, ref, ...rest } });
}

const openEvents = (
  app: RunningApp,
  query: string,
  headers: Record<string, string> = {},
): Promise<SseReader> =>
  openSse(app.url(`/push/events?${query}`), { headers: { ...as('ann').headers, ...headers } });

/** What came after the greeting: names and data. */
const storyOf = (client: WsClient) =>
  client.messages
    .filter(({ event }) => event !== 'hello' && event !== 'heartbeat')
    .map(({ event, data }) =>
      event === 'message' || event === 'snapshot' ? `${event} ${String(data.data)}` : event,
    );

const storyOn = (reader: SseReader) => reader.events.map(({ type, id, data }) => `${type} ${id} ${data}`);

describe('A WebSocket that begins by a snapshot', () => {
  it('gets the state, and what was published while that was loaded; its other topics go on meanwhile', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    await client.subscribe('news');
    const before = await app.bus.publish('orders.1', 'before');
    subscribe(client, ['orders.1']);
    const call = await database.next();
    expect(call.context).toMatchObject({ topic: 'orders.1', params: { id: '1' }, principal: { id: 'ann' } });
    await app.bus.publish('orders.1', 'meanwhile');
    await app.bus.publish('news', 'other');
    expect(await client.untilData(1)).toEqual(['other']);
    call.answer('state');
    await client.next('live', 1);
    await app.bus.publish('orders.1', 'after');
    await client.untilData(3);
    expect(storyOf(client).slice(2)).toEqual([
      'message other',
      'subscribed',
      'snapshot state',
      'message meanwhile',
      'live',
      'message after',
    ]);
    expect(client.all('snapshot')).toEqual([{ topic: 'orders.1', id: before, data: 'state' }]);
  });

  it('goes on after the event that the state is as of, which this node may still have to reach', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    const old = await app.bus.publish('orders.1', 1);
    await app.bus.publish('orders.1', 2);
    subscribe(client, ['orders.1']);
    (await database.next()).answer(snapshotAt('one', old));
    expect(await client.untilData(1)).toEqual([2]);
    expect(client.all('snapshot')).toEqual([{ topic: 'orders.1', id: old, data: 'one' }]);

    subscribe(client, ['orders.2']);
    const call = await database.next();
    await app.bus.publish('orders.2', 3);
    const newest = await app.bus.publish('orders.2', 4);
    await app.bus.publish('orders.2', 5);
    call.answer(snapshotAt('four', newest));
    await client.untilData(2);
    expect(storyOf(client).slice(-3)).toEqual(['snapshot four', 'message 5', 'live']);
  });

  it('gets the states of several topics; only the last one moves it', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    subscribe(client, ['orders.1', 'now', 'orders.1.lines.2']);
    const first = await database.next();
    const second = await database.next();
    expect([first.context.params, second.context.params]).toEqual([{ id: '1' }, { id: '1' }]);
    second.answer({ a: [null, 'ü\n'] });
    first.answer(null);
    await client.next('live');
    const snapshots = client.all('snapshot');
    expect(snapshots.map(({ topic, data }) => [topic, data]).sort()).toEqual([
      ['now', { at: 'once' }],
      ['orders.1', null],
      ['orders.1.lines.2', { a: [null, 'ü\n'] }],
    ]);
    expect(snapshots.map((each) => 'id' in each)).toEqual([false, false, false]);
    await app.bus.publish('now', 1);
    subscribe(client, ['now']);
    expect(await client.next('snapshot', 3)).toMatchObject({ id: expect.any(String) as string });
  });

  it('is told again after a gap, and gets a fresh state; at most once in five seconds', async () => {
    const { app, database } = await start();
    const old = await app.bus.publish('orders.1', 0);
    await app.bus.publishMany([1, 2, 3, 4].map((data) => ({ topic: 'orders.1', data })));
    const client = await ann(app);
    subscribe(client, ['orders.1'], { from: old, snapshot: true });
    expect(await client.next('gap')).toEqual({
      reason: 'evicted',
      topics: ['orders.1'],
      id: old,
      snapshot: true,
    });
    (await database.next()).answer('fresh');
    await client.next('live');
    await app.bus.publish('orders.1', 5);
    await client.untilData(1);
    expect(storyOf(client)).toEqual(['subscribed', 'gap', 'snapshot fresh', 'live', 'message 5']);
    subscribe(client, ['orders.1'], { from: old, snapshot: true, repeat: true }, 'again');
    expect(await client.next('gap', 1)).not.toHaveProperty('snapshot');
    (await database.next()).answer('later');
    expect(await client.next('snapshot', 1)).toMatchObject({ data: 'later' });
  });

  it('resumes by its events alone, as long as there is no gap', async () => {
    const { app, database } = await start();
    const first = await ann(app);
    subscribe(first, ['orders.1']);
    (await database.next()).answer('state');
    await first.next('live');
    const id = await app.bus.publish('orders.1', 1);
    await first.untilData(1);
    first.socket.terminate();
    await app.bus.publish('orders.1', 2);
    const client = await ann(app);
    subscribe(client, ['orders.1'], { from: id, snapshot: true });
    await client.next('live');
    expect(storyOf(client)).toEqual(['subscribed', 'message 2', 'live']);
    expect(database.untaken).toBe(0);
  });

  it.each<[what: string, topics: string[], code: string, says: RegExp]>([
    ['a wildcard', ['orders.*'], 'INVALID_TOPIC', /no snapshot of "orders\.\*".*exact topics/],
    ['a topic that nothing loads', ['now', 'news'], 'INVALID_TOPIC', /no snapshot of "news".*@PushSnapshot/],
  ])('is refused %s', async (_, topics, code, says) => {
    const { app } = await start();
    const client = await ann(app);
    subscribe(client, topics, { from: 'snapshot' }, 'r');
    const error = await client.next('error');
    expect(error).toMatchObject({ ref: 'r', code, retryable: false });
    expect(error.message).toMatch(says);
  });
});

describe('A loader that does not do its work', () => {
  const failures: [
    what: string,
    fail: (call: Call) => void,
    says: RegExp,
    retryable: boolean,
    reported: RegExp,
  ][] = [
    [
      'throws',
      (call) => call.fail(new Error('secret')),
      /^The state of orders\.1 could not be loaded\.$/,
      true,
      /Orders\.one/,
    ],
    [
      'refuses',
      (call) => call.fail(new NotFoundException('No such order')),
      /No such order\.$/,
      false,
      /Orders\.one/,
    ],
    ['hangs', () => undefined, /was not loaded in time/, true, /within 2000 ms/],
    [
      'returns too much',
      (call) => call.answer('x'.repeat(101)),
      /too large/,
      false,
      /103 bytes; snapshots\.bytes is 100/,
    ],
    ['returns undefined', (call) => call.answer(undefined), /could not be loaded/, false, /Return null/],
    ['returns a BigInt', (call) => call.answer(1n), /could not be loaded/, false, /as JSON/],
  ];

  it.each(failures)(
    'and %s fails that subscription alone, and is reported',
    async (_, fail, says, retryable, reported) => {
      const { app, database } = await start({ snapshots: { timeout: 2_000, bytes: 100 } });
      const client = await ann(app);
      await client.subscribe('news');
      const other = await openWs(app.webSocketUrl(), as('bob'));
      subscribe(client, ['orders.1'], { from: 'snapshot' }, 'r');
      subscribe(other, ['orders.2']);
      const [one, another] = [await database.next(), await database.next()];
      const own = one.context.topic === 'orders.1' ? one : another;
      (own === one ? another : one).answer('fine');
      fail(own);
      const error = await client.next('error');
      expect(error).toMatchObject({ ref: 'r', code: 'SNAPSHOT_FAILED', retryable });
      expect(error.message).toMatch(says);
      await eventually(() => errors.length > 0);
      expect(errors.map(([thrown, stage]) => [stage, String((thrown as Error).message)])).toEqual([
        ['snapshot', expect.stringMatching(reported)],
      ]);
      expect(await other.next('snapshot')).toMatchObject({ data: 'fine' });
      await app.bus.publish('news', 'on');
      await app.bus.publish('orders.1', 'unread');
      await app.bus.publish('news', 'and on');
      expect(await client.untilData(2)).toEqual(['on', 'and on']);
    },
  );

  it('after a gap has its topic taken back, which the client may ask for again', async () => {
    const { app, database } = await start();
    const old = await app.bus.publish('orders.1', 0);
    await app.bus.publishMany([1, 2, 3, 4].map((data) => ({ topic: 'orders.1', data })));
    const client = await ann(app);
    await client.subscribe('news');
    subscribe(client, ['orders.1'], { from: old, snapshot: true });
    (await database.next()).fail(new Error('down'));
    expect(await client.next('revoked')).toEqual({ topics: ['orders.1'], retryable: true });
    expect(client.all('error')).toMatchObject([{ code: 'SNAPSHOT_FAILED', retryable: true }]);
    await app.bus.publish('news', 'on');
    expect(await client.untilData(1)).toEqual(['on']);
    subscribe(client, ['orders.1']);
    (await database.next()).answer('again');
    expect(await client.next('snapshot')).toMatchObject({ data: 'again' });
  });

  it('has its call aborted when its client leaves, and nothing is left', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    subscribe(client, ['orders.1', 'orders.2']);
    const calls = [await database.next(), await database.next()];
    client.socket.terminate();
    await eventually(() => calls.every(({ context }) => context.signal.aborted));
    calls.forEach((call) => call.fail(new Error('given up')));
    const next = await ann(app);
    subscribe(next, ['orders.1']);
    (await database.next()).answer('fine');
    expect(await next.next('snapshot')).toMatchObject({ data: 'fine' });
    expect(errors).toEqual([]);
  });

  it('keeps its place until its time is over, even if its client has left: clients that come and go make no more of them', async () => {
    const { app, database } = await start({ snapshots: { concurrency: 1, timeout: 2_000 } });
    const client = await ann(app);
    const begun = performance.now();
    subscribe(client, ['orders.1']);
    const hung = await database.next();
    client.socket.terminate();
    await eventually(() => hung.context.signal.aborted);
    const next = await ann(app);
    subscribe(next, ['orders.2']);
    (await database.next()).answer('fine');
    expect(performance.now() - begun).toBeGreaterThan(1_900);
    expect(await next.next('snapshot')).toMatchObject({ data: 'fine' });
    expect(errors).toEqual([]);
  });

  it('does not run for a topic that was unsubscribed before its turn, and never beside more than the bound', async () => {
    const { app, database } = await start({ snapshots: { concurrency: 1, waiting: 2 } });
    const client = await ann(app);
    subscribe(client, ['orders.1']);
    const first = await database.next();
    for (const id of [2, 3]) subscribe(client, [`orders.${id}`]);
    await client.ask('unsubscribe', { topics: ['orders.2'] });
    expect(database.untaken).toBe(0);
    subscribe(client, ['orders.4']);
    subscribe(client, ['orders.5']);
    expect(await client.next('error')).toMatchObject({
      ref: 'orders.5',
      code: 'SNAPSHOT_FAILED',
      retryable: true,
    });
    first.answer('a');
    const third = await database.next();
    expect(third.context.topic).toBe('orders.3');
    third.answer('c');
    (await database.next()).answer('d');
    await client.next('snapshot', 2);
    expect(client.all('snapshot').map(({ topic }) => topic)).toEqual(['orders.1', 'orders.3', 'orders.4']);
  });
});

it('A right that ends while a state is loaded takes the topic back, and the state is not sent', async () => {
  const { app, database } = await start();
  const client = await ann(app);
  await client.subscribe('news');
  subscribe(client, ['orders.1']);
  const call = await database.next();
  await app.nest.get(PushAccess).revoke('ann', 'orders.*');
  expect(await client.next('revoked')).toEqual({ topics: ['orders.1'] });
  expect(call.context.signal.aborted).toBe(true);
  call.answer('secret');
  await app.bus.publish('orders.1', 'secret');
  await app.bus.publish('news', 'on');
  expect(await client.untilData(1)).toEqual(['on']);
  expect(client.all('snapshot')).toEqual([]);
});

describe('A shared loader', () => {
  it('runs once for all who ask at the same moment, without a principal', async () => {
    const { app, database } = await start();
    const clients = await Promise.all(
      ['ann', 'bob', 'cid'].map((name) => openWs(app.webSocketUrl(), as(name))),
    );
    for (const client of clients) subscribe(client, ['boards.7']);
    const call = await database.next();
    expect(call.context).toMatchObject({ params: { id: '7' }, principal: undefined });
    const late = await openEvents(app, 'topic=boards.7&from=snapshot');
    await app.bus.publish('boards.7', 'meanwhile');
    clients[2]!.socket.terminate();
    call.answer('state');
    for (const client of clients.slice(0, 2)) {
      await client.next('live');
      expect(storyOf(client)).toEqual(['subscribed', 'snapshot state', 'message meanwhile', 'live']);
    }
    await late.untilEvents(2);
    expect(late.events.map(({ type }) => type)).toEqual(['push.snapshot', 'message']);
    expect(database.untaken).toBe(0);
    subscribe(clients[0]!, ['boards.7'], { from: 'snapshot' }, 'later');
    (await database.next()).answer('newer');
  });
});

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

describe('@PushSnapshot()', () => {
  const create = (...providers: (new () => object)[]) =>
    createApp('express', { imports: [PushModule.forRoot()], providers }).then((app) => app.init());

  it('is refused on two methods for the same topics', async () => {
    class Twice {
      @PushSnapshot('orders.:id')
      one() {
        return 1;
      }

      @PushSnapshot('orders.:name')
      another() {
        return 2;
      }
    }
    await expect(create(Twice)).rejects.toThrow(/Twice\.another\(\) and Twice\.one\(\) both load orders\.\*/);
  });

  it('is refused on a provider that is made for each request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @PushSnapshot('orders.:id')
      load() {
        return 1;
      }
    }
    await expect(create(PerRequest)).rejects.toThrow(
      /PerRequest\.load\(\) cannot belong to a request-scoped provider/,
    );
  });

  it('refuses what is no id where the state is as of an event', () => {
    expect(() => snapshotAt(1, 'yesterday')).toThrow(/"yesterday" is not an id/);
  });
});
