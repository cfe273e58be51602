import { type PushOptions } from 'nestjs-push';
import { holdAnswers, lastData, start } from './support/owned-orders.js';
import { as } from './support/roles.js';
import { openStream } from './support/sse-reader.js';
import { platforms, platformsWithHttp2 } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe('a principal that expires', () => {
  it('ends its WebSocket with 4401, after it was told', async () => {
    const { app, users } = await start();
    users.lifetime = 2_000;
    const began = Date.now();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect((await client.untilClosed()).code).toBe(4401);
    expect(Date.now() - began).toBeGreaterThan(1_900);
    expect(client.all('error')).toMatchObject([{ code: 'UNAUTHENTICATED', retryable: false }]);
    await eventually(() => app.bus.stats().connections === 0);
  });

  it('ends its stream with push.expired, which keeps the id to resume from', async () => {
    const { app, users } = await start();
    users.lifetime = 3_000;
    const reader = await openStream(app.url('/push/events?topic=orders.42'), as('ann'));
    const id = await app.bus.publish('orders.42', 1);
    await reader.untilEnd();
    expect(reader.events.map(({ type }) => type)).toEqual(['message', 'push.expired']);
    expect(lastData(reader.events)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(reader.lastEventId).toBe(id);
    users.lifetime = Infinity;
    const second = await openStream(app.url('/push/events?topic=orders.42'), {
      headers: { ...as('ann').headers, 'Last-Event-ID': id },
    });
    await app.bus.publish('orders.42', 2);
    await second.untilEvents(1);
    expect(second.events.map(({ data }) => (JSON.parse(data) as { data: unknown }).data)).toEqual([2]);
  });

  it.each(platforms)('ends streams of routes of its own on %s', async (platform) => {
    const { app } = await start({}, platform);
    for (const path of ['/own/42/direct', '/own/42/piped']) {
      const headers = { 'x-user': 'ann', 'x-until': String(Date.now() + 3_000) };
      const reader = await openStream(app.url(path), { headers });
      await reader.untilEnd();
      expect(reader.events.at(-1)!.type).toBe('push.expired');
    }
  });

  it('stays when it refreshes in time', async () => {
    const { app, users } = await start();
    users.lifetime = 3_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('orders.42');
    users.lifetime = 60_000;
    const answer = await client.ask('refresh', { token: 'ann' });
    expect(answer).toMatchObject({ event: 'refreshed' });
    expect(Number(answer.expiresAt)).toBeGreaterThan(Date.now() + 50_000);
    // A client that expires with it shows that the time has passed.
    users.lifetime = 3_250;
    const control = await openWs(app.webSocketUrl(), as('ann'));
    await control.untilClosed();
    await app.bus.publish('orders.42', 1);
    expect(await client.untilData(1)).toEqual([1]);
  });

  it('may refresh to no end at all, and never to somebody else', async () => {
    const { app, users } = await start();
    users.lifetime = 60_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.ask('refresh', { token: 'bob' })).toMatchObject({
      event: 'error',
      code: 'UNAUTHENTICATED',
    });
    expect(await client.ask('refresh', { token: '' })).toMatchObject({
      event: 'error',
      code: 'INVALID_MESSAGE',
    });
    users.lifetime = Infinity;
    const answer = await client.ask('refresh', { token: 'ann' });
    expect(answer).toEqual({ event: 'refreshed', ref: answer.ref });
  });

  it('loses with a refresh what it may no longer read, and keeps the rest', async () => {
    const { app, users } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'orders.43', 'public.news']);
    users.orders.set('42', 'bob');
    await client.ask('refresh', { token: 'ann' });
    expect(client.all('revoked')).toEqual([{ topics: ['orders.42'] }]);
    await app.bus.publish('orders.42', 'secret');
    await app.bus.publish('orders.43', 'mine');
    expect(await client.untilData(1)).toEqual(['mine']);
  });
});

describe.each(platformsWithHttp2)('a refresh while nobody decides, with %s', (platform) => {
  const quick: PushOptions = { limits: { decisionTimeout: 100 }, onError: () => undefined };

  it('loses what could not be decided, keeps the rest, and may ask again', async () => {
    const { app, users } = await start(quick, platform);
    users.lifetime = 60_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'public.news', 'orders.43']);
    const { release } = holdAnswers();
    users.orders.set('42', 'bob');
    expect(await client.ask('refresh', { token: 'ann' })).toMatchObject({ event: 'refreshed' });
    expect(client.all('revoked')).toEqual([{ topics: ['orders.42', 'orders.43'], retryable: true }]);
    release();
    await app.bus.publish('orders.42', 'secret');
    await app.bus.publish('public.news', 'news');
    expect(await client.untilData(1)).toEqual(['news']);
    expect(await client.subscribe('orders.42')).toMatchObject({ code: 'FORBIDDEN' });
    expect(await client.subscribe('orders.43')).toMatchObject({ event: 'subscribed' });
  });

  it('tells what was decided from what was not', async () => {
    const { app, users } = await start(quick, platform);
    const root = await openWs(app.webSocketUrl(), as('root'));
    await root.subscribe(['orders.*', 'orders.42']);
    users.admins.delete('root');
    const { release } = holdAnswers();
    await root.ask('refresh', { token: 'root' });
    release();
    expect(root.all('revoked')).toEqual([
      { topics: ['orders.*'] },
      { topics: ['orders.42'], retryable: true },
    ]);
  });

  it('holds nothing longer than the old proof, if the answer comes after that', async () => {
    const { app, users } = await start({ ...quick, limits: { decisionTimeout: 10_000 } }, platform);
    users.lifetime = 3_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('orders.42');
    const { decided, release } = holdAnswers();
    users.lifetime = 60_000;
    client.send({ event: 'refresh', data: { token: 'ann' } });
    await decided;
    expect((await client.untilClosed()).code).toBe(4401);
    release();
    await eventually(() => app.bus.stats().connections === 0);
  });
});
