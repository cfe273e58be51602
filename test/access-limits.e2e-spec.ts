import { PushModule, type PushOptions } from 'nestjs-push';
import { takeWarnings } from './support/logged.js';
import { openRaw } from './support/raw-socket.js';
import { as } from './support/roles.js';
import { start, stream } from './support/rooms-app.js';
import { openSse, openStream } from './support/sse-reader.js';
import { createApp, platforms } from './support/start-app.js';
import { statusOf } from './support/upgrades.js';
import { openWs } from './support/ws-client.js';

describe('room', () => {
  it('is bounded in all: 503, and free again when somebody leaves', async () => {
    const app = await start({ limits: { connections: 2 } });
    const first = await openWs(app.webSocketUrl(), as('ann'));
    const second = await openStream(app.url(stream), as('bob'));
    expect(await statusOf(app.webSocketUrl())).toBe(503);
    const refused = await openSse(app.url(stream), as('cat'));
    expect(refused.status).toBe(503);
    expect(Number(refused.response.headers['retry-after'])).toBeGreaterThan(0);
    second.drop();
    first.socket.close();
    await first.untilClosed();
    while (app.bus.stats().connections > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await statusOf(app.webSocketUrl())).toBe(101);
  });

  it('is bounded for an address, as the trusted proxy tells it: 429', async () => {
    const app = await start({ limits: { connectionsPerAddress: 1 }, trustedProxies: ['127.0.0.0/8'] });
    const from = (address: string) => ({ ...as('ann').headers, 'X-Forwarded-For': address });
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.1'))).toBe(101);
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.1'))).toBe(429);
    // What the client itself has sent stands before what the proxy added.
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.9, 192.0.2.1'))).toBe(429);
    expect(await statusOf(app.webSocketUrl(), from('192.0.2.2'))).toBe(101);
    expect(await statusOf(app.webSocketUrl(), from('2001:db8::1'))).toBe(101);
    expect(await statusOf(app.webSocketUrl(), from('2001:db8::2'))).toBe(429);
    expect(await statusOf(app.webSocketUrl(), from('2001:db8:0:1::2'))).toBe(101);
  });

  it('is bounded for an address that nobody vouches for, and the log says what to do about a proxy', async () => {
    const warnings = takeWarnings();
    const app = await start({ limits: { connectionsPerAddress: 1 } });
    const forged = () => ({ ...as('ann').headers, 'X-Forwarded-For': `192.0.2.${warnings.length + 1}` });
    expect(await statusOf(app.webSocketUrl(), forged())).toBe(101);
    expect(await statusOf(app.webSocketUrl(), forged())).toBe(429);
    expect(await statusOf(app.webSocketUrl(), forged())).toBe(429);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('trustedProxies');
  });

  it('is bounded for a principal: 429', async () => {
    const app = await start({ limits: { connectionsPerPrincipal: 2 } });
    const first = await openWs(app.webSocketUrl(), as('ann'));
    await openStream(app.url(stream), as('ann'));
    expect(await statusOf(app.webSocketUrl())).toBe(429);
    expect((await openSse(app.url(stream), as('ann'))).status).toBe(429);
    expect(await statusOf(app.webSocketUrl(), as('bob').headers)).toBe(101);
    first.socket.close();
    await first.untilClosed();
    while (app.bus.stats().connections > 2) await new Promise((resolve) => setImmediate(resolve));
    expect(await statusOf(app.webSocketUrl())).toBe(101);
  });
});

describe('a WebSocket', () => {
  it('has so many topics, and hears what to do', async () => {
    const app = await start({ websocket: { maxTopics: 2 } });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['public.a', 'public.b']);
    expect(await client.subscribe('public.c')).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(await client.subscribe('public.a')).toMatchObject({ event: 'subscribed' });
  });

  it('subscribes so fast, counted in topics; its user no faster with many connections', async () => {
    const app = await start({
      limits: {
        subscribe: { perSecond: 0.001, burst: 3 },
        subscribePerPrincipal: { perSecond: 0.001, burst: 5 },
      },
    });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.subscribe(['public.a', 'public.b'])).toMatchObject({ event: 'subscribed' });
    expect(await client.subscribe(['public.c', 'public.d'])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      retryable: true,
    });
    expect(await client.subscribe('public.c')).toMatchObject({ event: 'subscribed' });
    // Three are used up. Coming back does not make them new.
    client.socket.close();
    await client.untilClosed();
    const again = await openWs(app.webSocketUrl(), as('ann'));
    expect(await again.subscribe(['public.a', 'public.b', 'public.c'])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    const bob = await openWs(app.webSocketUrl(), as('bob'));
    expect(await bob.subscribe(['public.a', 'public.b', 'public.c'])).toMatchObject({ event: 'subscribed' });
  });

  it('publishes so fast, and its user', async () => {
    const app = await start({
      limits: {
        publish: { perSecond: 0.001, burst: 1 },
        publishPerPrincipal: { perSecond: 0.001, burst: 2 },
      },
    });
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await openWs(app.webSocketUrl(), as('ann')));
    const [one, two, three] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]];
    const publish = { topic: 'rooms.1', data: 1 };
    expect(await one.ask('publish', publish)).toMatchObject({ event: 'published' });
    expect(await one.ask('publish', publish)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(await two.ask('publish', publish)).toMatchObject({ event: 'published' });
    expect(await three.ask('publish', publish)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('that sends more frames than it may is closed with 1013, pings included', async () => {
    const app = await start({ limits: { messages: { perSecond: 0.001, burst: 5 } } });
    const talker = await openWs(app.webSocketUrl(), as('ann'));
    for (let i = 0; i < 7; i++) talker.send({ event: 'unsubscribe', data: { topics: ['public.a'] } });
    expect((await talker.untilClosed()).code).toBe(1013);
    expect(talker.all('error')).toMatchObject([{ code: 'LIMIT_EXCEEDED', retryable: true }]);
    const pinger = await openWs(app.webSocketUrl(), as('bob'));
    for (let i = 0; i < 6; i++) pinger.socket.ping();
    expect((await pinger.untilClosed()).code).toBe(1013);
  });

  it('sends messages of bounded size and depth', async () => {
    const app = await start({ websocket: { maxMessageBytes: 4_096 }, limits: { jsonDepth: 5 } });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
    expect(await client.ask('publish', { topic: 'rooms.1', data: nested(3) })).toMatchObject({
      event: 'published',
    });
    client.send({ event: 'publish', data: { topic: 'rooms.1', data: nested(4) } });
    expect(await client.next('error')).toMatchObject({
      code: 'INVALID_MESSAGE',
      message: 'Objects and arrays may be nested 5 deep.',
    });
    client.send('{"event":"publish","data":{"topic":"rooms.1","data":{"__proto__":{"isAdmin":true}}}}');
    expect(await client.next('error', 1)).toMatchObject({
      message: 'A message may not have a key "__proto__".',
    });
    client.send('x'.repeat(4_097));
    expect((await client.untilClosed()).code).toBe(1009);
  });

  it('may compress what it sends, and is bounded as it unpacks', async () => {
    const app = await start({ websocket: { maxMessageBytes: 4_096 } });
    const client = await openWs(app.webSocketUrl(), { ...as('ann'), perMessageDeflate: { threshold: 0 } });
    expect(client.socket.extensions).toContain('permessage-deflate');
    const topics = Array.from({ length: 100 }, (_, n) => `public.${n}`);
    expect(await client.subscribe(topics)).toMatchObject({ event: 'subscribed' });
    await app.bus.publish('public.7', 'x'.repeat(2_000));
    expect(await client.untilData(1)).toHaveLength(1);
    client.send(' '.repeat(1_000_000));
    expect((await client.untilClosed()).code).toBe(1009);
  });
});

describe('the SSE endpoint', () => {
  it.each(platforms)('takes a query of bounded length on %s: 413', async (platform) => {
    const app = await start({ limits: { queryBytes: 100 } }, platform);
    expect((await openSse(app.url(`${stream}&topic=${'a'.repeat(100)}`), as('ann'))).status).toBe(413);
    expect((await openSse(app.url(stream), as('ann'))).status).toBe(200);
  });

  it.each([
    ['?topic=', 400],
    ['', 400],
    ['?topic=a%0Aid:%207', 400],
    ['?topic=public.a%0D%0Adata:%20x', 400],
    ['?topic[]=public.x', 400],
    ['?topic[a]=public.x', 400],
    ['?__proto__[topic]=public.x', 400],
    ['?topic=public.x&from=%0Aid:%207', 200],
    ['?topic=public.x&lastEventId=%0Adata:%20x', 200],
    ['?topic=public.x&lastEventId=1&lastEventId=2', 400],
    [`?${'topic=public.x&'.repeat(300)}`, 400],
  ])('answers %s with %i, and nothing of it gets into the stream', async (query, status) => {
    const app = await start();
    const reader = await openSse(app.url(`/push/events${query}`), as('ann'));
    expect(reader.status).toBe(status);
    if (status !== 200) return;
    await reader.until(() => reader.body.includes('retry:'));
    await app.bus.publish('public.x', 'end');
    await reader.until(() => reader.body.includes('end'));
    const lines = reader.body
      .split('\n')
      .map((line) => line.replace(/[0-9a-f]{12}-\d+/, 'ID').replace(/\d+/, 'N'));
    const known = [
      '',
      ':',
      ': ',
      'retry: N',
      'id: ID',
      'event: push.gap',
      'data: {"topic":"public.x","data":"end"}',
    ];
    expect(
      lines.filter((line) => !known.includes(line) && !line.startsWith('data: {"reason":"malformed"')),
    ).toEqual([]);
  });
});

describe('options that make no sense', () => {
  it.each([
    [{ limits: { connections: NaN } }, /limits\.connections is NaN; it takes a positive number/],
    [{ limits: { connections: 0 } }, /limits\.connections/],
    [
      { limits: { publish: { perSecond: 1, burst: -1 } } },
      /limits\.publish is an object; it takes two positive numbers/,
    ],
    [{ limits: { messages: 5 } }, /limits\.messages/],
    [{ trustedProxies: ['loopback'] }, /trustedProxies: "loopback" is neither/],
    [{ trustedProxies: ['10.0.0.0/33'] }, /trustedProxies/],
  ])('%j stops the application at start', async (options, message) => {
    const create = createApp('express', { imports: [PushModule.forRoot(options as PushOptions)] });
    await expect(create).rejects.toThrow(message);
  });

  it('an undefined limit is the default', async () => {
    const app = await start({ limits: { connections: undefined } });
    expect(await statusOf(app.webSocketUrl())).toBe(101);
  });
});

it('a request that is no WebSocket handshake leaves nothing behind', async () => {
  const app = await start({ limits: { connections: 1 } });
  for (const key of ['', 'short', 'not base64 at all!!!!!!!']) {
    const raw = await openRaw(
      app.port,
      'GET /push HTTP/1.1',
      'Host: x',
      'Authorization: Bearer ann',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${key}`,
    );
    expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 400 /);
  }
  expect(await statusOf(app.webSocketUrl())).toBe(101);
});
