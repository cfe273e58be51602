import { holdAnswers, lastData, start } from './support/owned-orders.js';
import { as } from './support/roles.js';
import { openSse, openStream } from './support/sse-reader.js';
import { openWs } from './support/ws-client.js';

describe('disconnectUser', () => {
  it('ends all that a user has, whatever carries it, and nobody else', async () => {
    const { app, access } = await start();
    const [one, two, bob] = await Promise.all(
      ['ann', 'ann', 'bob'].map((name) => openWs(app.webSocketUrl(), as(name))),
    );
    const stream = await openStream(app.url('/push/events?topic=orders.42'), as('ann'));
    const direct = await openStream(app.url('/own/42/direct'), { headers: { 'x-user': 'ann' } });
    const piped = await openStream(app.url('/own/42/piped'), { headers: { 'x-user': 'ann' } });
    const others = await openStream(app.url('/own/42/direct'), { headers: { 'x-user': 'bob' } });
    await access.disconnectUser('ann');
    expect((await one!.untilClosed()).code).toBe(4401);
    expect((await two!.untilClosed()).code).toBe(4401);
    for (const reader of [stream, direct, piped]) {
      await reader.untilEnd();
      expect(reader.events.at(-1)!.type).toBe('push.expired');
    }
    await app.bus.publish('orders.42', 1);
    await others.untilEvents(1);
    expect(bob!.closed).toBeUndefined();
    // The same user may come back, if the application lets it.
    expect((await openWs(app.webSocketUrl(), as('ann'))).all('hello')).toHaveLength(1);
  });

  it('voids the tickets that the user has', async () => {
    const { app, access, tickets } = await start();
    const ticket = await tickets.issue({ id: 'ann' });
    await access.disconnectUser('ann');
    const reader = await openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
    expect(reader.status).toBe(401);
    const later = await tickets.issue({ id: 'ann' });
    expect((await openSse(app.url(`/push/events?topic=orders.42&ticket=${later}`))).status).toBe(200);
  });

  it('also refuses who is being let in', async () => {
    const { app, access } = await start();
    const { decided, release } = holdAnswers();
    const answer = openSse(app.url('/push/events?topic=orders.42'), as('ann'));
    await decided;
    await access.disconnectUser('ann');
    release();
    const reader = await answer;
    expect(reader.status).toBe(401);
  });
});

describe('revoke', () => {
  it('takes a topic from a live WebSocket, tells it, and leaves the others', async () => {
    const { app, users, access } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'orders.43']);
    users.orders.delete('42');
    await access.revoke('ann', 'orders.42');
    expect(await client.next('revoked')).toEqual({ topics: ['orders.42'] });
    await app.bus.publish('orders.42', 'secret');
    await app.bus.publish('orders.43', 'mine');
    expect(await client.untilData(1)).toEqual(['mine']);
    expect(await client.subscribe('orders.42', 'earliest')).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('takes a wildcard that holds the topic, and patterns within', async () => {
    const { app, access } = await start();
    const root = await openWs(app.webSocketUrl(), as('root'));
    await root.subscribe(['orders.*', 'orders.7', 'public.a.b', 'public.x']);
    await access.revoke('root', 'orders.42');
    expect(await root.next('revoked')).toEqual({ topics: ['orders.*'] });
    await access.revoke('root', 'public.*.b');
    expect(await root.next('revoked', 1)).toEqual({ topics: ['public.a.b'] });
    await access.revoke('root', '>');
    expect(await root.next('revoked', 2)).toEqual({ topics: ['orders.7', 'public.x'] });
    await expect(access.revoke('root', 'a..b')).rejects.toMatchObject({ code: 'INVALID_TOPIC' });
  });

  it('ends a stream that holds the topic; who comes back is decided about anew', async () => {
    const { app, users, access } = await start();
    const reader = await openStream(app.url('/push/events?topic=orders.42&topic=orders.43'), as('ann'));
    const other = await openStream(app.url('/push/events?topic=orders.43'), as('ann'));
    const piped = await openStream(app.url('/own/42/piped'), { headers: { 'x-user': 'ann' } });
    users.orders.delete('42');
    await access.revoke('ann', 'orders.42');
    await reader.untilEnd();
    expect(reader.events.map(({ type }) => type)).toEqual(['push.error']);
    expect(lastData(reader.events)).toMatchObject({ code: 'FORBIDDEN', retryable: false });
    expect(reader.lastEventId).not.toBe('push.end');
    await piped.untilEnd();
    await app.bus.publish('orders.43', 1);
    await other.untilEvents(1);
    expect((await openSse(app.url('/push/events?topic=orders.42'), as('ann'))).status).toBe(403);
  });

  it('beats a decision that was made before it, and is not in force yet', async () => {
    const { app, users, access } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const { decided, release } = holdAnswers();
    const answer = client.subscribe('orders.42');
    await decided;
    users.orders.set('42', 'bob');
    await access.revoke('ann', 'orders.42');
    release();
    expect(await answer).toMatchObject({ event: 'error', code: 'FORBIDDEN' });
  });
});
