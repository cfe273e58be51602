import { anonymous, Authenticator, type PushOptions } from 'nestjs-push';
import { doors } from './support/doors.js';
import { as } from './support/roles.js';
import { start as startRooms } from './support/rooms-app.js';
import { openSse, openStream } from './support/sse-reader.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

/** The token is the user's name; without one, a client is nobody. */
class NameOrNobody extends Authenticator {
  authenticate({ token }: { token: string | undefined }) {
    return token ? { id: token } : anonymous;
  }
}

const start = (options: PushOptions = {}): Promise<RunningApp> =>
  startRooms({ authenticate: NameOrNobody, ...options });

/** As good as no refill, so that what is used stays used for the test. */
const once = (burst: number) => ({ perSecond: 0.001, burst });
const topics = (count: number, name = 't') => Array.from({ length: count }, (_, n) => `public.${name}${n}`);
const left = (app: RunningApp, connections = 0) =>
  eventually(() => app.bus.stats().connections === connections);
const pairs = Object.keys(doors).flatMap((one) => Object.keys(doors).map((other) => [one, other] as const));

describe('reconnecting', () => {
  it.each(pairs)('from %s to %s refills no rate of somebody who is nobody', async (first, second) => {
    const app = await start({ limits: { subscribe: once(3) } });
    const visit = await doors[first]!(app, topics(2));
    expect(visit.answer).toBe('granted');
    visit.leave();
    await left(app);
    const again = await doors[second]!(app, topics(2));
    expect(again).toMatchObject({ answer: 'LIMIT_EXCEEDED', retryable: true });
    again.leave();
    await left(app);
    expect((await doors[second]!(app, topics(1))).answer).toBe('granted');
  });

  it.each(Object.keys(doors))('by %s refills no rate of a user', async (door) => {
    const app = await start({ limits: { subscribe: once(3) } });
    const visit = await doors[door]!(app, topics(3), 'ann');
    visit.leave();
    await left(app);
    expect((await doors[door]!(app, topics(1), 'ann')).answer).toBe('LIMIT_EXCEEDED');
    expect((await doors[door]!(app, topics(3), 'bob')).answer).toBe('granted');
  });

  it('takes nothing from connections that are there at the same time: each has a rate of its own', async () => {
    const app = await start({ limits: { subscribe: once(3) } });
    for (let n = 0; n < 3; n++)
      expect((await doors['the WebSocket']!(app, topics(3))).answer).toBe('granted');
  });

  it('refills no frames', async () => {
    const app = await start({ limits: { messages: once(5) } });
    const first = await openWs(app.webSocketUrl());
    for (let n = 0; n < 5; n++) await first.ask('unsubscribe', { topics: ['public.a'] });
    first.socket.terminate();
    await left(app);
    const second = await openWs(app.webSocketUrl());
    second.send({ event: 'unsubscribe', data: { topics: ['public.a'] } });
    expect((await second.untilClosed()).code).toBe(1013);
  });

  it('lets nobody publish more: POST after POST, or by a WebSocket after them', async () => {
    const app = await start({ limits: { publish: once(2) } });
    const post = () =>
      fetch(app.url('/push/publish'), {
        method: 'POST',
        headers: { ...as('ann').headers, 'content-type': 'application/json' },
        body: JSON.stringify({ topic: 'rooms.1', data: 1 }),
      });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await post()).status);
    expect(statuses).toEqual([200, 200, 429]);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.ask('publish', { topic: 'rooms.1', data: 1 })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
  });

  it('is itself paid for by the address, which is what clients have in common that are nobody', async () => {
    const app = await start({ limits: { work: once(900) } });
    // Two handshakes fit, although nothing comes of them; the third waits for what will not come.
    for (let n = 0; n < 2; n++)
      expect((await doors['GET /push/events']!(app, ['secret'])).answer).toBe('FORBIDDEN');
    let isServed = false;
    void openSse(app.url('/push/events?topic=public.a')).then(
      () => (isServed = true),
      () => undefined,
    );
    void openWs(app.webSocketUrl()).then(({ messages }) => (isServed ||= messages.length > 0));
    // Users are let in by the same address meanwhile.
    expect((await doors['the WebSocket']!(app, topics(1), 'bob')).answer).toBe('granted');
    expect(isServed).toBe(false);
  });
});

describe('unsubscribing', () => {
  it('costs what subscribing does', async () => {
    const app = await start({ limits: { subscribe: once(4) } });
    const client = await openWs(app.webSocketUrl());
    expect(await client.subscribe(['public.a', 'public.b'])).toMatchObject({ event: 'subscribed' });
    const own = { topics: ['public.a', 'public.b'] };
    expect(await client.ask('unsubscribe', own)).toMatchObject({ event: 'unsubscribed' });
    expect(await client.subscribe('public.a')).toMatchObject({ code: 'LIMIT_EXCEEDED', retryable: true });
  });

  it('is refused to nobody who was granted what it leaves', async () => {
    const app = await start({ limits: { subscribe: once(3), subscribePerPrincipal: once(3) } });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(topics(3));
    expect(await client.ask('unsubscribe', { topics: topics(3) })).toMatchObject({ event: 'unsubscribed' });
    expect(app.bus.stats().subscriptions).toBe(0);
    expect(await client.ask('unsubscribe', { topics: topics(1) })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});

describe('a client that has used up its work', () => {
  const exhausting = { topics: topics(250, 'a.b.c.d.e.f.') };

  it('waits: nothing is refused, live events come, and nobody else waits', async () => {
    const app = await start({ limits: { work: once(2_000), decisionTimeout: 500 } });
    const mallory = await openWs(app.webSocketUrl(), as('mallory'));
    expect(await mallory.ask('subscribe', { topics: ['public.x'] })).toMatchObject({ event: 'subscribed' });
    expect(await mallory.ask('unsubscribe', exhausting)).toMatchObject({ event: 'unsubscribed' });
    mallory.send({ event: 'subscribe', data: { topics: ['public.late'], ref: 'late' } });
    const bob = await openWs(app.webSocketUrl(), as('bob'));
    await bob.subscribe('public.x');
    for (let n = 0; n < 5; n++) await app.bus.publish('public.x', n);
    expect(await mallory.untilData(5)).toEqual([0, 1, 2, 3, 4]);
    expect(await bob.untilData(5)).toEqual([0, 1, 2, 3, 4]);
    expect(mallory.all('error')).toEqual([]);
    expect(mallory.messages.some(({ data }) => data.ref === 'late')).toBe(false);
  });

  it('goes on when its budget is there again, in the order in which it asked', async () => {
    const app = await start({ limits: { work: { perSecond: 20_000, burst: 2_000 } } });
    const client = await openWs(app.webSocketUrl(), as('mallory'));
    const asked = ['a', 'b', 'c'];
    for (const ref of asked) client.send({ event: 'unsubscribe', data: { ...exhausting, ref } });
    await client.until(() => client.all('unsubscribed').length === 3);
    expect(client.all('unsubscribed').map(({ ref }) => ref)).toEqual(asked);
  });

  it('gets no other budget by coming back, by any door', async () => {
    const app = await start({ limits: { work: once(2_500) } });
    const client = await openWs(app.webSocketUrl(), as('mallory'));
    await client.ask('unsubscribe', exhausting);
    client.socket.terminate();
    await left(app);
    const served: string[] = [];
    for (const [name, open] of Object.entries(doors))
      void open(app, ['public.x'], 'mallory').then(
        () => served.push(name),
        () => undefined,
      );
    // The others are let in meanwhile, by the same doors.
    for (const open of Object.values(doors)) await open(app, ['public.x'], 'bob');
    expect(served).toEqual([]);
    expect(app.bus.stats().subscriptions).toBe(3);
  });

  it('is not taken for dead while its messages wait to be read', async () => {
    const app = await start({ heartbeat: 1_000, limits: { work: once(5_000), decisionTimeout: 500 } });
    const client = await openWs(app.webSocketUrl(), as('mallory'));
    for (let n = 0; n < 100; n++) client.send({ event: 'unsubscribe', data: exhausting });
    await client.until(() => client.all('heartbeat').length >= 5 || client.closed !== undefined);
    expect(client.closed).toBeUndefined();
    expect(client.all('unsubscribed').length).toBeLessThan(10);
  });

  it('still reads what is live over SSE', async () => {
    const app = await start({ limits: { work: once(3_000) } });
    const stream = await openStream(app.url('/push/events?topic=public.x'), as('mallory'));
    const client = await openWs(app.webSocketUrl(), as('mallory'));
    await client.ask('unsubscribe', exhausting);
    await app.bus.publish('public.x', 1);
    expect(await stream.untilEvents(1)).toHaveLength(1);
  });
});

describe('patterns with a wildcard before their last token', () => {
  const inner = (count: number) => Array.from({ length: count }, (_, n) => `public.*.q${n}`);

  it.each(Object.keys(doors))('are 32 at most by %s, and asking again is no use', async (door) => {
    const app = await start();
    const refused = await doors[door]!(app, inner(33));
    expect(refused).toMatchObject({ answer: 'LIMIT_EXCEEDED', retryable: false });
    expect((await doors[door]!(app, inner(32))).answer).toBe('granted');
    const others = topics(100).map((topic) => `${topic}.*`);
    expect((await doors[door]!(app, [...inner(32), ...others, 'public.>'])).answer).toBe('granted');
  });

  it('are counted over all that a connection has, whatever it asked for when', async () => {
    const app = await start({ limits: { innerWildcards: 3 } });
    const client = await openWs(app.webSocketUrl());
    expect(client.all('hello')).toMatchObject([{ limits: { maxInnerWildcards: 3 } }]);
    await client.subscribe(inner(2));
    expect(await client.subscribe(['public.*.a', 'public.*.b'])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      retryable: false,
    });
    // What it has already is not counted twice; what it leaves makes room.
    expect(await client.subscribe([...inner(2), 'public.*.a'])).toMatchObject({ event: 'subscribed' });
    await client.ask('unsubscribe', { topics: inner(2) });
    expect(await client.subscribe(['public.*.b', 'public.*.c'])).toMatchObject({ event: 'subscribed' });
  });
});

it('a request for more at once than anybody may have is not to be repeated', async () => {
  const app = await start({ limits: { subscribe: once(3) } });
  const visit = await doors['the WebSocket']!(app, topics(4));
  expect(visit).toMatchObject({ answer: 'LIMIT_EXCEEDED', retryable: false });
});

describe('what clients publish', () => {
  const large = 'y'.repeat(2_000);

  it('has a share of the memory for each user: its own oldest go, and nobody else’s', async () => {
    const app = await start({
      retention: { bytes: 400_000 },
      limits: { publish: once(500), publishPerPrincipal: once(500) },
    });
    const first = await app.bus.publish('public.quiet', 0);
    for (let n = 1; n < 20; n++) await app.bus.publish('public.quiet', n);
    const mallory = await openWs(app.webSocketUrl(), as('mallory'));
    const bob = await openWs(app.webSocketUrl(), as('bob'));
    await bob.ask('publish', { topic: 'rooms.shared', data: 'bob' });
    for (let n = 0; n < 150; n++) {
      const topic = n % 2 ? `rooms.${n}` : 'rooms.shared';
      expect(await mallory.ask('publish', { topic, data: large })).toMatchObject({ event: 'published' });
    }
    expect(app.bus.stats().window.bytes).toBeLessThan(100_000);
    const reader = await openWs(app.webSocketUrl(), as('reader'));
    await reader.subscribe('public.quiet', first);
    expect(await reader.untilData(19)).toEqual(Array.from({ length: 19 }, (_, n) => n + 1));
    expect(reader.all('gap')).toEqual([]);
    await reader.subscribe('rooms.shared', 'earliest');
    await reader.until(() => reader.data.includes(large));
    expect(reader.data).toContain('bob');
  });

  it('is unbounded by that where the application publishes itself, unless on behalf of a user', async () => {
    const app = await start({ retention: { bytes: 400_000 } });
    for (let n = 0; n < 20; n++) await app.bus.publish('public.own', large);
    for (let n = 0; n < 20; n++) await app.bus.publish('public.theirs', large, { publisher: 'ann' });
    const reader = await openWs(app.webSocketUrl());
    await reader.subscribe('public.own', 'earliest');
    expect(await reader.untilData(20)).toHaveLength(20);
    await reader.subscribe('public.theirs', 'earliest');
    await reader.next('live', 1);
    expect(reader.data.length).toBeGreaterThan(20);
    expect(reader.data.length).toBeLessThan(40);
    expect(JSON.stringify(reader.messages)).not.toContain('ann');
  });

  it.each([
    ['nothing', ''],
    ['a number', 7],
    ['what is too long for an id', 'x'.repeat(257)],
  ])('%s is no publisher', async (_, publisher) => {
    const app = await start();
    await expect(app.bus.publish('public.x', 1, { publisher: publisher as string })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it('has a share of nothing nowhere: that option stops the application at start', async () => {
    await expect(start({ retention: { bytesPerPublisher: NaN } })).rejects.toThrow(/bytesPerPublisher/);
  });
});
