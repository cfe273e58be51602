import type { PushOptions } from 'nestjs-push';
import { startOpen } from './support/open-app.js';
import { platformsWithHttp2 } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';
import { clientFrame, openHandshake } from './support/ws-frames.js';

describe.each(platformsWithHttp2)('WebSocket on %s', (platform) => {
  const start = (options?: PushOptions) => startOpen(platform, options);

  it('greets with the limits', async () => {
    const app = await start({ heartbeat: 7_000, websocket: { maxMessageBytes: 5_000, maxTopics: 9 } });
    await app.bus.publish('a.1', 1);
    const client = await openWs(app.webSocketUrl());
    expect(client.messages).toEqual([
      {
        event: 'hello',
        data: {
          connection: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
          client: expect.stringMatching(/^[0-9a-f-]{36}\.[A-Za-z0-9_-]{22}$/) as string,
          heartbeat: 7_000,
          limits: { maxMessageBytes: 5_000, maxTopics: 9, maxInnerWildcards: 32 },
        },
      },
    ]);
    expect(app.bus.stats()).toMatchObject({ connections: 1, subscriptions: 0 });
  });

  describe('the order of things', () => {
    it('messages are answered in order, however they fail', async () => {
      const client = await openWs((await start()).webSocketUrl());
      const count = 200;
      for (let n = 0; n < count; n++) {
        if (n % 5 === 1) client.send({ event: 'nonsense', data: { ref: String(n) } });
        else if (n % 5 === 2) client.send({ event: 'subscribe', data: { topics: [], ref: String(n) } });
        else if (n % 5 === 3)
          client.send({ event: 'unsubscribe', data: { topics: ['a.1'], ref: String(n) } });
        else client.send({ event: 'subscribe', data: { topics: [`a.${n}`], ref: String(n) } });
      }
      const answers = () => client.messages.slice(1).filter(({ event }) => event !== 'live');
      await client.until(() => answers().length === count);
      expect(answers().map(({ data }) => data.ref)).toEqual(
        Array.from({ length: count }, (_, n) => String(n)),
      );
    });

    it('messages that come with the handshake are answered, after the greeting', async () => {
      const app = await start();
      const raw = await openHandshake(app.port);
      raw.send(clientFrame('{"event":"subscribe","data":{"topics":["a.1"],"ref":"early"}}'));
      const text = await raw.untilText('"early"');
      expect(text.indexOf('"hello"')).toBeLessThan(text.indexOf('"subscribed"'));
    });

    it('a subscription and what is published right after it', async () => {
      const app = await start();
      const client = await openWs(app.webSocketUrl());
      for (let n = 0; n < 50; n++) {
        client.send({ event: 'subscribe', data: { topics: [`a.${n}`], from: 'earliest' } });
        await app.bus.publish(`a.${n}`, n);
      }
      await client.untilData(50);
      expect(client.data.toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 50 }, (_, n) => n),
      );
    });
  });

  describe('heartbeats', () => {
    it('come with a ping, and say where the log is', async () => {
      const app = await start({ heartbeat: 1_000 });
      const client = await openWs(app.webSocketUrl());
      await client.subscribe('a.1');
      const id = await app.bus.publish('elsewhere', 1);
      await client.until(() => client.all('heartbeat').some((heartbeat) => heartbeat.id === id));
      expect(client.pings.length).toBeGreaterThan(0);
      await client.until(() => client.pings.length >= 4);
      expect(client.closed).toBeUndefined();
    });

    it('tell no id to who has no topics, since ids count the events of all', async () => {
      const app = await start({ heartbeat: 1_000 });
      const client = await openWs(app.webSocketUrl());
      await app.bus.publish('a.1', 1);
      expect(await client.next('heartbeat')).toEqual({});
      await client.subscribe('a.1');
      await client.until(() => client.all('heartbeat').some(({ id }) => id !== undefined));
      await client.ask('unsubscribe', { topics: ['a.1'] });
      const before = client.all('heartbeat').length;
      expect(await client.next('heartbeat', before + 1)).toEqual({});
      expect(client.all('hello')[0]).not.toHaveProperty('id');
    });

    it('end the connection of who does not answer', async () => {
      const app = await start({ heartbeat: 200 });
      const began = performance.now();
      const dead = await openHandshake(app.port);
      await dead.untilText('"hello"');
      await dead.untilClosed();
      expect(performance.now() - began).toBeGreaterThan(150);
      await eventually(() => app.bus.stats().connections === 0);
      expect(dead.received.includes(Buffer.from([0x89, 0]))).toBe(true);
    });
  });

  it('answers a close with a close, and frees everything', async () => {
    const app = await start();
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['a.1', 'a.*']);
    client.socket.close(1000, 'bye');
    expect(await client.untilClosed()).toMatchObject({ code: 1000 });
    await eventually(() => app.bus.stats().connections === 0);
    expect(app.bus.stats()).toMatchObject({ connections: 0, subscriptions: 0, audiences: 0 });
  });
});
