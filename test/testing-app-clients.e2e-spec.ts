import { EventBus, PushClients, PushModule } from 'nestjs-push';
import { pushTesting } from 'nestjs-push/testing/app';
import { afterTest } from './support/cleanup.js';
import { createApp, platforms } from './support/start-app.js';
import { owner, paid, shipped, start, type Topics } from './support/tested-app.js';

describe.each(platforms)('Test clients on %s', (platform) => {
  it.each(['websocket', 'sse'] as const)('over %s are cut, come back and miss nothing', async (transport) => {
    const { app, push, bus } = await start({ platform });
    const client = await push.connect({ as: owner, topics: 'orders.42', transport });
    expect(app.get(PushClients).list()).toMatchObject([
      { transport, principal: owner, topics: ['orders.42'] },
    ]);
    await bus.publish('orders.42', paid, { type: 'paid' });
    const event = await client.next();
    expect(event).toEqual({ topic: 'orders.42', id: expect.any(String), type: 'paid', data: paid });
    await client.cut();
    expect(client.ended).toMatchObject({ error: undefined });
    expect(app.get(PushClients).size).toBe(0);
    await bus.publish('orders.42', shipped);
    await client.resume();
    const { data }: { data: Topics['orders.*'] } = await client.next();
    expect(data).toEqual(shipped);
    expect(client.received).toHaveLength(2);
    expect(client.gaps).toEqual([]);
  });

  it('read routes of the application, as the user that guards see', async () => {
    const { push, bus } = await start({ platform });
    await expect(push.connect({ route: '/orders/42/events' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const client = await push.connect({ as: owner, route: '/orders/42/events' });
    await bus.publish('orders.42', paid);
    expect(await client.next()).toMatchObject({ topic: '', data: paid });
    await client.cut();
    await bus.publish('orders.42', shipped);
    await client.resume();
    expect((await client.next()).data).toEqual(shipped);
  });

  it.each(['websocket', 'sse'] as const)(
    'over %s are refused with the code that they were told',
    async (transport) => {
      const { push } = await start({ platform });
      await expect(push.connect({ transport, topics: 'orders.1' })).rejects.toMatchObject({
        name: 'PushError',
        code: 'UNAUTHENTICATED',
      });
      // The application's own authenticator is as it was.
      const headers = { authorization: 'Bearer bob' };
      await expect(push.connect({ transport, headers, topics: 'orders.1' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      const forged = { 'push-testing-as': 'ann' };
      await expect(push.connect({ transport, headers: forged, topics: 'orders.1' })).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
      });
      await expect(push.connect({ transport, as: 'bob', topics: 'orders.1' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    },
  );

  it.each(['websocket', 'sse'] as const)('over %s publish, or are told why not', async (transport) => {
    const { push } = await start({ platform });
    const bob = await push.connect({ as: 'bob', topics: 'rooms.1', transport });
    const id = await bob.publish('rooms.1', 'hello');
    expect(await push.published('rooms.1')).toMatchObject({ id, data: 'hello' });
    expect((await bob.next()).data).toBe('hello');
    const mute = await push.connect({ as: 'mute', topics: 'rooms.1', transport });
    await expect(mute.publish('rooms.1', 'hello')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await push.nonePublished('rooms.*');
  });

  it('subscribe to more, and read no more', async () => {
    const { push, bus } = await start({ platform });
    const client = await push.connect({ as: owner });
    await expect(client.subscribe('secrets')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await client.subscribe(['orders.1', 'rooms.1']);
    await client.unsubscribe('rooms.1');
    await bus.publish('rooms.1', 'unheard');
    await bus.publish('orders.1', paid);
    expect((await client.next()).topic).toBe('orders.1');
    await client.resume();
    await bus.publish('orders.1', shipped);
    expect((await client.next()).data).toEqual(shipped);
  });
});

describe('The waits of a client', () => {
  it('say what it was told instead, and why its connection is over', async () => {
    const { app, push } = await start();
    const client = await push.connect({ as: owner, topics: 'orders.1' });
    await expect(client.next()).rejects.toThrow(
      'The client has received no event. It was told: hello, subscribed, live. (waited 4000 ms)',
    );
    await expect(client.end()).rejects.toThrow('The connection has not ended.');
    await client.cut();
    await expect(client.next()).rejects.toThrow('There is no event: the connection has ended with 1006.');
    const stream = await push.connect({ as: owner, topics: 'orders.1', transport: 'sse' });
    await expect(stream.subscribe('rooms.1')).rejects.toThrow('An event stream cannot subscribe.');
    await app.close();
    expect(await stream.end()).toMatchObject({ delay: expect.any(Number) });
  });
});

describe('An application', () => {
  it('may speak TLS, have a global prefix, and listen already', async () => {
    const app = await createApp(
      'fastify with TLS',
      { imports: [PushModule.forRoot({ topics: [{ pattern: 'news.*', access: 'public' }] })] },
      (nest) => nest.setGlobalPrefix('api'),
    );
    await app.listen(0, '127.0.0.1');
    const push = await pushTesting(app);
    afterTest(() => push.close());
    for (const transport of ['websocket', 'sse'] as const) {
      const client = await push.connect({ topics: 'news.1', transport });
      await client.cut();
      expect(app.get(PushClients).size).toBe(0);
      await app.get(EventBus).publish('news.1', 'missed');
      await client.resume();
      expect((await client.next()).data).toBe('missed');
      await client.close();
    }
  });

  it('without push in it is refused', async () => {
    const app = await createApp('express', {});
    afterTest(() => app.close());
    await expect(pushTesting(app)).rejects.toThrow('The application has no PushModule.');
  });
});
