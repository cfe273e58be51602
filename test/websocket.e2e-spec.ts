import type { INestApplication } from '@nestjs/common';
import { CloseCode, PushModule, type PushOptions } from 'nestjs-push';
import { startApp, platformsWithHttp2 } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';
import { clientFrame, openHandshake } from './support/ws-frames.js';

const topics = [
  { pattern: 'a.>', access: 'public' as const },
  { pattern: 'b.*', access: 'public' as const },
];

describe.each(platformsWithHttp2)('WebSocket on %s', (platform) => {
  const start = (options: PushOptions = {}, configure?: (app: INestApplication) => unknown) =>
    startApp(platform, { imports: [PushModule.forRoot({ topics, ...options })] }, configure);

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

  describe('what it refuses', () => {
    it.each<[what: string, message: string, says: RegExp]>([
      ['nothing', '', /not JSON/],
      ['broken JSON', '{"event":', /not JSON/],
      ['null', 'null', /subscribe, unsubscribe/],
      ['a number', '7', /subscribe, unsubscribe/],
      ['a string', '"subscribe"', /subscribe, unsubscribe/],
      ['an array', '["subscribe"]', /subscribe, unsubscribe/],
      ['no event', '{"data":{"ref":"r"}}', /subscribe, unsubscribe/],
      ['an unknown event', '{"event":"nonsense","data":{"ref":"r"}}', /subscribe, unsubscribe/],
      ['a name of Object.prototype', '{"event":"constructor","data":{}}', /subscribe, unsubscribe/],
      ['another', '{"event":"__proto__"}', /subscribe, unsubscribe/],
      ['data that is null', '{"event":"subscribe","data":null}', /object/],
      ['data that is a list', '{"event":"subscribe","data":["a.1"]}', /object/],
      ['data that is text', '{"event":"unsubscribe","data":"a.1"}', /object/],
    ])('%s', async (_, message, says) => {
      const client = await openWs((await start()).webSocketUrl());
      client.send(message);
      expect(await client.next('error')).toEqual({
        code: 'INVALID_MESSAGE',
        message: expect.stringMatching(says) as string,
        retryable: false,
        ...(message.includes('ref') && { ref: 'r' }),
      });
      expect(await client.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
    });

    it.each<[string, object, RegExp]>([
      ['no topics', {}, /topics/],
      ['empty topics', { topics: [] }, /topics/],
      ['topics as text', { topics: 'a.1' }, /topics/],
      ['topics as an object', { topics: { length: 1, 0: 'a.1' } }, /topics/],
      ['topics of other types', { topics: ['a.1', 7] }, /topics/],
      ['nested topics', { topics: [['a.1']] }, /topics/],
      ['a long topic', { topics: ['a.'.padEnd(256, 'x')] }, /topics/],
      ['many topics', { topics: Array.from({ length: 1_001 }, (_, n) => `a.${n}`) }, /topics/],
      ['from that is no text', { topics: ['a.1'], from: 7 }, /from/],
      ['a long from', { topics: ['a.1'], from: 'x'.repeat(65) }, /from/],
    ])('%s, with the reasons', async (_, data, says) => {
      const client = await openWs((await start()).webSocketUrl());
      const answer = await client.ask('subscribe', data);
      expect(answer).toMatchObject({ event: 'error', code: 'INVALID_MESSAGE', retryable: false });
      expect(answer.details).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
    });

    it.each<[string, unknown]>([
      ['a ref that is no text', 7],
      ['a long ref', 'x'.repeat(65)],
      ['a ref that is an object', { toString: 'x' }],
    ])('%s', async (_, ref) => {
      const client = await openWs((await start()).webSocketUrl());
      client.send({ event: 'subscribe', data: { topics: ['a.1'], ref } });
      expect(await client.next('error')).toMatchObject({
        code: 'INVALID_MESSAGE',
        details: expect.arrayContaining([expect.stringMatching(/ref/)]) as unknown,
      });
    });

    it.each<[string, string[], string]>([
      ['a topic that nobody opened', ['a.1', 'secret'], 'FORBIDDEN'],
      ['a pattern wider than what is open', ['>'], 'FORBIDDEN'],
      ['what looks like it', ['b.>'], 'FORBIDDEN'],
      ['a bad topic', ['a.1', 'a..b'], 'INVALID_TOPIC'],
      ['a bad pattern', ['a.>.b'], 'INVALID_TOPIC'],
      ['an injection', ['a.\n'], 'INVALID_TOPIC'],
      ['too many topics', ['a.1', 'a.2', 'a.3', 'a.4'], 'LIMIT_EXCEEDED'],
    ])('%s, and subscribes to none', async (_, wanted, code) => {
      const app = await start({ websocket: { maxTopics: 3 } });
      const client = await openWs(app.webSocketUrl());
      expect(await client.ask('subscribe', { topics: wanted })).toMatchObject({
        event: 'error',
        code,
        retryable: false,
      });
      expect(app.bus.stats().subscriptions).toBe(0);
    });

    it('more topics than a connection may have, over all its messages', async () => {
      const app = await start({ websocket: { maxTopics: 3 } });
      const client = await openWs(app.webSocketUrl());
      await client.subscribe(['a.1', 'a.2']);
      expect(await client.subscribe(['a.2', 'a.3'])).toMatchObject({ event: 'subscribed' });
      expect(await client.subscribe(['a.4'])).toMatchObject({ code: 'LIMIT_EXCEEDED' });
      await client.ask('unsubscribe', { topics: ['a.1'] });
      expect(await client.subscribe(['a.4'])).toMatchObject({ event: 'subscribed' });
    });

    it('binary messages', async () => {
      const client = await openWs((await start()).webSocketUrl());
      client.socket.send(Buffer.from('{"event":"subscribe"}'));
      expect(await client.next('error')).toMatchObject({
        code: 'INVALID_MESSAGE',
        message: expect.stringMatching(/binary/),
      });
      expect(await client.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
    });
  });

  describe('frames that break the protocol', () => {
    it('too large: 1009', async () => {
      const app = await start({ websocket: { maxMessageBytes: 1_000 } });
      const client = await openWs(app.webSocketUrl());
      client.send(JSON.stringify({ event: 'subscribe', data: { topics: ['a.1'], ref: 'x'.repeat(940) } }));
      await client.next('error');
      client.send('x'.repeat(1_001));
      expect(await client.untilClosed()).toMatchObject({ code: CloseCode.MessageTooBig });
      await eventually(() => app.bus.stats().connections === 0);
    });

    it.each<[string, number, Buffer]>([
      ['no UTF-8', 1007, clientFrame(Buffer.from([0x22, 0xff, 0xfe, 0x22]))],
      ['an unmasked frame', 1002, clientFrame('{}', { isMasked: false })],
      ['an unknown opcode', 1002, clientFrame('{}', { opcode: 3 })],
      ['compression that nobody agreed on', 1002, clientFrame('{}', { reserved: 0x40 })],
      ['a continuation of nothing', 1002, clientFrame('{}', { opcode: 0 })],
      ['a ping that is too long', 1002, clientFrame('x'.repeat(126), { opcode: 9 })],
    ])('%s: %i', async (_, code, bytes) => {
      const app = await start();
      const raw = await openHandshake(app.port);
      await raw.untilText('"hello"');
      const greeting = raw.received.length;
      raw.send(bytes);
      await raw.until(() => raw.received.length >= greeting + 4);
      const close = raw.received.subarray(greeting);
      expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, code]);
      await eventually(() => app.bus.stats().connections === 0);
    });

    it('text in fragments is no such thing', async () => {
      const app = await start();
      const raw = await openHandshake(app.port);
      await raw.untilText('"hello"');
      raw.send(clientFrame('{"event":"subscribe","da', { isFinal: false }));
      raw.send(clientFrame('', { opcode: 9 }));
      raw.send(clientFrame('ta":{"topics":["a.1"]}}', { opcode: 0 }));
      await raw.untilText('"subscribed"');
    });
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
