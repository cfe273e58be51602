import { start } from './support/owned-orders.js';
import { SharedMemory } from './support/shared-memory.js';
import { openSse } from './support/sse-reader.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe('tickets', () => {
  it('open both doors, each once', async () => {
    const { app, tickets } = await start();
    const expiresAt = new Date(Date.now() + 60_000);
    const ticket = await tickets.issue({ id: 'ann', expiresAt, roles: ['x'] });
    expect(ticket).toMatch(/^[A-Za-z0-9_-]{64}$/);
    const client = await openWs(app.webSocketUrl(`/push?ticket=${ticket}`));
    expect(client.all('hello')).toMatchObject([{ expiresAt: expiresAt.getTime() }]);
    expect(await client.subscribe('orders.42')).toMatchObject({ event: 'subscribed' });
    const again = await openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
    expect(again.status).toBe(401);
    const another = await tickets.issue({ id: 'ann' });
    expect((await openSse(app.url(`/push/events?topic=orders.42&ticket=${another}`))).status).toBe(200);
  });

  it('take away, and never grant', async () => {
    const { app, tickets } = await start();
    const ticket = await tickets.issue({ id: 'ann' }, { topics: ['orders.42', 'orders.44', 'public.a.*'] });
    const client = await openWs(app.webSocketUrl(`/push?ticket=${ticket}`));
    expect(await client.subscribe('orders.42')).toMatchObject({ event: 'subscribed' });
    expect(await client.subscribe('public.a.b')).toMatchObject({ event: 'subscribed' });
    for (const topic of ['orders.43', 'orders.44', 'public.b', 'public.>']) {
      expect(await client.subscribe(topic)).toMatchObject({ code: 'FORBIDDEN' });
    }
    // A refresh does not widen it.
    await client.ask('refresh', { token: 'ann' });
    expect(await client.subscribe('orders.43')).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('are refused in the same words, whatever is wrong with them', async () => {
    const { app, tickets } = await start();
    const used = await tickets.issue({ id: 'ann' });
    await openSse(app.url(`/push/events?topic=orders.42&ticket=${used}`));
    const late = await tickets.issue({ id: 'ann' }, { ttl: 1 });
    const began = Date.now();
    await eventually(() => Date.now() > began + 5);
    const real = await tickets.issue({ id: 'ann' });
    const halfRight = real.slice(0, 32) + used.slice(32);
    const answers = new Set<string>();
    for (const ticket of [
      used,
      late,
      halfRight,
      '',
      'x',
      'A'.repeat(64),
      'A'.repeat(5_000),
      '%00',
      '__proto__',
    ]) {
      const reader = await openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
      answers.add(`${reader.status} ${await reader.untilEnd()}`);
    }
    expect([...answers]).toEqual([
      '401 {"statusCode":401,"code":"UNAUTHENTICATED","message":"The ticket is not valid, or no longer. Ask for a new one."}',
    ]);
  });

  it.each([
    [{ ttl: 0 }, 'INVALID_OPTION'],
    [{ ttl: 300_001 }, 'INVALID_OPTION'],
    [{ ttl: NaN }, 'INVALID_OPTION'],
    [{ topics: ['a..b'] }, 'INVALID_TOPIC'],
  ])('cannot be issued with %o', async (options, code) => {
    const { tickets } = await start();
    await expect(tickets.issue({ id: 'ann' }, options)).rejects.toMatchObject({ code });
    await expect(tickets.issue({ id: '' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('need a backplane that keeps them', async () => {
    const backplane = new SharedMemory().node();
    Object.assign(backplane, { oneTimeStore: undefined });
    const { app, tickets } = await start({ backplane });
    await expect(tickets.issue({ id: 'ann' })).rejects.toThrow('keeps no tickets');
    expect((await openSse(app.url(`/push/events?topic=public.x&ticket=${'A'.repeat(64)}`))).status).toBe(401);
  });
});
