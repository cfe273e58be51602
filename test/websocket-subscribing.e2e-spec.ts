import type { PushOptions } from 'nestjs-push';
import { startOpen } from './support/open-app.js';
import { platformsWithHttp2 } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';

describe.each(platformsWithHttp2)('WebSocket on %s', (platform) => {
  const start = (options?: PushOptions) => startOpen(platform, options);

  describe('subscribing', () => {
    it('is answered with the ref, before the first event', async () => {
      const app = await start();
      const client = await openWs(app.webSocketUrl());
      client.send({
        event: 'subscribe',
        data: { topics: ['a.1', 'b.*'], ref: 'r1', unknown: 'ignored' },
        also: 1,
      });
      const { id } = await client.next('subscribed');
      const first = await app.bus.publish('a.1', { n: 1 }, { type: 't' });
      const second = await app.bus.publish('b.x', 'ü\r\n"');
      await app.bus.publish('a.2', 'not asked for');
      await app.bus.publish('b.x', null, { ephemeral: true });
      await client.untilData(3);
      expect(client.messages.slice(1)).toEqual([
        { event: 'subscribed', data: { ref: 'r1', topics: ['a.1', 'b.*'], id } },
        { event: 'live', data: { ref: 'r1', topics: ['a.1', 'b.*'], id } },
        { event: 'message', data: { topic: 'a.1', id: first, type: 't', data: { n: 1 } } },
        { event: 'message', data: { topic: 'b.x', id: second, data: 'ü\r\n"' } },
        { event: 'message', data: { topic: 'b.x', data: null } },
      ]);
    });

    it('needs no ref', async () => {
      const client = await openWs((await start()).webSocketUrl());
      client.send({ event: 'subscribe', data: { topics: ['a.1'] } });
      expect(await client.next('subscribed')).toEqual({ topics: ['a.1'], id: expect.any(String) as string });
    });

    it('delivers once what overlapping patterns match, and stops with the last of them', async () => {
      const app = await start();
      const client = await openWs(app.webSocketUrl());
      await client.subscribe(['a.1', 'a.*', 'a.>']);
      await client.subscribe(['a.1']);
      await app.bus.publish('a.1', 1);
      expect(await client.ask('unsubscribe', { topics: ['a.1', 'a.>'] })).toMatchObject({
        event: 'unsubscribed',
        topics: ['a.1', 'a.>'],
      });
      await app.bus.publish('a.1', 2);
      await app.bus.publish('a.1.deep', 'no longer');
      await client.ask('unsubscribe', { topics: ['a.*', 'never.had'] });
      await app.bus.publish('a.1', 'no longer');
      await client.subscribe('b.1');
      await app.bus.publish('b.1', 3);
      expect(await client.untilData(3)).toEqual([1, 2, 3]);
      expect(app.bus.stats()).toMatchObject({ subscriptions: 1, audiences: 1 });
    });

    it('begins where it is told', async () => {
      const app = await start();
      const ids = await app.bus.publishMany([1, 2, 3].map((data) => ({ topic: 'a.1', data })));
      const read = async (from: string | undefined, count: number) => {
        const client = await openWs(app.webSocketUrl());
        await client.subscribe('a.1', from);
        await client.untilData(count);
        return client;
      };
      expect((await read('earliest', 3)).data).toEqual([1, 2, 3]);
      expect((await read('last', 1)).data).toEqual([3]);
      expect((await read('last:2', 2)).data).toEqual([2, 3]);
      expect((await read('start', 3)).data).toEqual([1, 2, 3]);
      expect((await read(ids[0], 2)).data).toEqual([2, 3]);
      const now = [await read('now', 0), await read(undefined, 0), await read(ids[2], 0)];
      await app.bus.publish('a.1', 4);
      for (const client of now) expect(await client.untilData(1)).toEqual([4]);
      expect(app.bus.stats().gaps).toBe(0);
    });

    it('refuses a "last:" without a right number, and says why', async () => {
      const client = await openWs((await start()).webSocketUrl());
      expect(await client.subscribe('a.1', 'last:1001')).toMatchObject({
        event: 'error',
        code: 'INVALID_MESSAGE',
        details: ['from is "last:1001"; after "last:" comes a whole number from 1 to 1000'],
      });
    });

    it('brings topics of an older id up to the others, in one stream without repeats', async () => {
      const app = await start();
      const ids = await app.bus.publishMany(
        ['a.1', 'b.1', 'a.1', 'b.1'].map((topic, n) => ({ topic, data: n })),
      );
      const client = await openWs(app.webSocketUrl());
      await client.subscribe('a.1', ids[1]);
      await client.subscribe('b.1', ids[0]);
      await client.subscribe(['a.>', 'b.*'], ids[0]);
      await app.bus.publish('b.1', 'live');
      await client.until(() => client.data.includes('live'));
      expect(client.data).toEqual([2, 1, 3, 'live']);
    });

    it.each([
      ['garbage', 'malformed'],
      ['0123456789ab-1', 'epoch'],
    ])('from %s is told of one gap (%s), then gets what is retained', async (from, reason) => {
      const app = await start({ retention: { events: 2 } });
      await app.bus.publishMany([1, 2, 3].map((data) => ({ topic: 'a.1', data })));
      const client = await openWs(app.webSocketUrl());
      await client.subscribe(['a.1', 'b.1'], from);
      await app.bus.publish('a.1', 'live');
      await client.untilData(3);
      expect(client.data).toEqual([2, 3, 'live']);
      expect(client.all('gap')).toEqual([
        { reason, topics: ['a.1', 'b.1'], id: expect.any(String) as string },
      ]);
      expect(client.messages.findIndex(({ event }) => event === 'gap')).toBe(2);
    });

    it('from an id whose events are gone is told which topics lost some', async () => {
      const app = await start({ retention: { events: 2 } });
      const old = await app.bus.publish('b.1', 0);
      await app.bus.publishMany([1, 2, 3].map((data) => ({ topic: 'a.1', data })));
      const client = await openWs(app.webSocketUrl());
      await client.subscribe(['a.1', 'b.1'], old);
      await client.untilData(2);
      expect(client.all('gap')).toMatchObject([{ reason: 'evicted', topics: ['a.1'] }]);
      expect(client.data).toEqual([2, 3]);
    });

    it('skips the connection that an event leaves out', async () => {
      const app = await start();
      const [one, other] = [await openWs(app.webSocketUrl()), await openWs(app.webSocketUrl())];
      await one.subscribe('a.1');
      await other.subscribe('a.1');
      await app.bus.publish('a.1', 'others', { except: one.all('hello')[0]!.connection as string });
      await app.bus.publish('a.1', 'all');
      expect(await one.untilData(1)).toEqual(['all']);
      expect(await other.untilData(2)).toEqual(['others', 'all']);
    });
  });

  it('resumes over a connection that is cut, without a hole or a repeat', async () => {
    const app = await start();
    const data: unknown[] = [];
    let from: string | undefined;
    let isOver = false;
    const live = async () => {
      // oxlint-disable-next-line no-unmodified-loop-condition -- the test sets it
      while (!isOver) {
        const client = await openWs(app.webSocketUrl());
        client.send({ event: 'subscribe', data: { topics: ['a.*'], from } });
        await client.untilClosed();
        data.push(...client.data);
        for (const {
          event,
          data: { id },
        } of client.messages)
          if (event !== 'hello' && id) from = id as string;
      }
    };
    const living = live();
    await eventually(() => app.bus.stats().subscriptions === 1);
    const count = 200;
    for (let n = 0; n < count; n++) {
      await app.bus.publish(`a.${n % 3}`, n);
      if (n % 40 === 20) app.cut();
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => app.bus.stats().subscriptions === 1 && app.bus.stats().lagging === 0);
    isOver = true;
    const last = connectWs(app.webSocketUrl());
    await last.until(() => last.messages.length > 0);
    app.cut();
    await living;
    if (data.length < count) {
      const rest = await openWs(app.webSocketUrl());
      await rest.subscribe('a.*', from);
      await rest.untilData(count - data.length);
      data.push(...rest.data);
    }
    expect(data).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(app.bus.stats().gaps).toBe(0);
  });
});
