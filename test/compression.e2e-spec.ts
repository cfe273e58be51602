import { Controller, Injectable, Logger, Sse, type ModuleMetadata } from '@nestjs/common';
import { EventBus, PushModule, PushSse, PushTopic, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { map } from 'rxjs';
import { openDeflated, openGzip, type GzipReader } from './support/compressed-clients.js';
import { orderEvent } from './support/order-event.js';
import { openSse } from './support/sse-reader.js';
import { startApp, type Platform, type RunningApp } from './support/start-app.js';
import { openWs, type WsClient } from './support/ws-client.js';

/*
 * Compression with a context that the readers of the same topics share: PROTOCOL.md "Compression". The clients decompress with
 * zlib, as it is meant: what a client may not refer to would fail, or be another text.
 */

const many = 100;
const orders = Array.from({ length: many }, (_, number) => orderEvent(number));

function start(
  options: PushOptions = {},
  platform: Platform = 'express',
  more: ModuleMetadata = {},
): Promise<RunningApp> {
  const topics = [{ pattern: '>', access: 'public' }] as const;
  return startApp(platform, { ...more, imports: [PushModule.forRoot({ topics, ...options })] });
}

/** Publishes events, each in a turn of its own. */
async function publish(
  { bus }: RunningApp,
  topic: string,
  events: readonly unknown[] = orders,
): Promise<void> {
  for (const event of events) {
    await bus.publish(topic, event);
    await new Promise(setImmediate);
  }
}

/** The bytes that the messages of a client take if they are not compressed, without the heads of their frames. */
function sizeOf({ messages }: WsClient): number {
  return messages.reduce((bytes, message) => bytes + JSON.stringify(message).length, 0);
}

function dataOf(reader: GzipReader): unknown[] {
  return reader.data.map((text) => (JSON.parse(text) as { data: unknown }).data);
}

beforeAll(() => Logger.overrideLogger(false));

describe('Compressed messages', () => {
  it('make orders a quarter of their size or less, for everybody who reads the same', async () => {
    const app = await start();
    const clients = [await openDeflated(app), await openDeflated(app), await openDeflated(app)];
    for (const { client } of clients) await client.subscribe('orders.1');
    const before = clients.map(({ bytes }) => bytes());
    const plain = clients.map(({ client }) => sizeOf(client));
    await publish(app, 'orders.1');
    for (const [index, { client, bytes }] of clients.entries()) {
      expect(await client.untilData(many)).toEqual(orders);
      expect(bytes() - before[index]!).toBeLessThan((sizeOf(client) - plain[index]!) / 4);
    }
  });

  it('are read by those who come late, leave for a while, are answered, or do not get an event', async () => {
    const app = await start();
    const first = (await openDeflated(app)).client;
    const other = (await openDeflated(app)).client;
    for (const client of [first, other]) await client.subscribe('orders.*');
    await publish(app, 'orders.1', orders.slice(0, 10));
    const late = (await openDeflated(app)).client;
    await late.subscribe('orders.*');
    await first.subscribe('sport');
    await publish(app, 'orders.1', orders.slice(10, 20));
    await first.ask('unsubscribe', { topics: ['sport'] });
    await app.bus.publish('orders.1', orders[20], { except: String((await late.next('hello')).connection) });
    await publish(app, 'orders.1', orders.slice(21));
    expect(await first.untilData(many)).toEqual(orders);
    expect(await other.untilData(many)).toEqual(orders);
    expect(await late.untilData(many - 11)).toEqual([...orders.slice(10, 20), ...orders.slice(21)]);
  });

  it('are for those alone who offer them', async () => {
    const app = await start();
    const clients = [await openDeflated(app), await openDeflated(app)];
    const plain = await openWs(app.webSocketUrl(), { perMessageDeflate: false });
    for (const client of [plain, ...clients.map((each) => each.client)]) await client.subscribe('orders.1');
    await publish(app, 'orders.1');
    for (const client of [plain, ...clients.map((each) => each.client)])
      expect(await client.untilData(many)).toEqual(orders);
    expect(plain.socket.extensions).toBe('');
  });

  it('are not agreed on with a client that asks the server to keep no context', async () => {
    const app = await start();
    const { client } = await openDeflated(app, { perMessageDeflate: { serverNoContextTakeover: true } });
    expect(client.socket.extensions).toBe('');
    const narrow = await openDeflated(app, { perMessageDeflate: { serverMaxWindowBits: 11 } });
    expect(narrow.client.socket.extensions).toBe('');
    const wide = await openDeflated(app, { perMessageDeflate: { serverMaxWindowBits: 12 } });
    expect(wide.client.socket.extensions).toBe('permessage-deflate');
  });

  it('are for a client alone if they are long', async () => {
    const app = await start();
    const { client, bytes } = await openDeflated(app);
    await client.subscribe('pages.1');
    const before = bytes();
    const text = JSON.stringify(orders);
    await app.bus.publish('pages.1', text);
    expect(await client.untilData(1)).toEqual([text]);
    expect(bytes() - before).toBeLessThan(text.length / 3);
  });
});

describe.each<Platform>(['express', 'fastify', 'fastify over HTTP/2'])(
  'Compressed event streams on %s',
  (platform) => {
    it('make orders a quarter of their size or less, and end as gzip ends', async () => {
      const app = await start({}, platform);
      const url = app.url('/push/events?topic=orders.1');
      const readers = [await openGzip(url), await openGzip(url), await openGzip(url)];
      for (const reader of readers) {
        expect(reader.compressed.headers).toMatchObject({
          'content-encoding': 'gzip',
          vary: 'Accept-Encoding',
        });
        await reader.until(() => reader.lastEventId !== '');
      }
      const before = readers.map(({ bytes, body }) => ({ bytes, plain: body.length }));
      await publish(app, 'orders.1');
      for (const [index, reader] of readers.entries()) {
        await reader.untilEvents(many);
        expect(dataOf(reader)).toEqual(orders);
        const { bytes, plain } = before[index]!;
        expect(reader.bytes - bytes).toBeLessThan((reader.body.length - plain) / 4);
      }
      await app.nest.close();
      for (const reader of readers) {
        await reader.untilEnd();
        expect([reader.isWhole, reader.error]).toEqual([true, undefined]);
      }
    });

    it('are read by those who come late, resume, or hear a heartbeat between', async () => {
      const app = await start({ heartbeat: 100 }, platform);
      const url = app.url('/push/events?topic=orders.1');
      const first = await openGzip(url);
      const other = await openGzip(url);
      for (const reader of [first, other]) await reader.until(() => reader.lastEventId !== '');
      await publish(app, 'orders.1', orders.slice(0, 10));
      await first.untilEvents(10);
      const late = await openGzip(url, { 'last-event-id': first.events[4]!.id });
      await publish(app, 'orders.1', orders.slice(10, 50));
      const beats = first.blocks.filter((block) => block.startsWith(':')).length;
      await first.until(() => first.blocks.filter((block) => block.startsWith(':')).length > beats + 1);
      await publish(app, 'orders.1', orders.slice(50));
      for (const reader of [first, other]) await reader.untilEvents(many);
      await late.untilEvents(many - 5);
      expect(dataOf(first)).toEqual(orders);
      expect(dataOf(other)).toEqual(orders);
      expect(dataOf(late)).toEqual(orders.slice(5));
    });
  },
);

describe('An event stream', () => {
  it('is not compressed for a client that does not ask for it, and caches are told that it could be', async () => {
    const app = await start();
    const reader = await openSse(app.url('/push/events?topic=orders.1'));
    expect(reader.response.headers).toMatchObject({ vary: 'Accept-Encoding' });
    expect(reader.response.headers).not.toHaveProperty('content-encoding');
    await reader.until(() => reader.lastEventId !== '');
    await publish(app, 'orders.1', orders.slice(0, 3));
    expect(await reader.untilEvents(3)).toHaveLength(3);
  });

  it('is not compressed where the route says so, or where code of the application writes to it', async () => {
    @Controller()
    class Routes {
      constructor(private readonly bus: EventBus) {}

      @PushSse('plain', 'orders.1', { compression: false })
      plain(): void {}

      @PushSse('compressed', 'orders.1')
      compressed(): void {}

      @Sse('piped')
      piped() {
        return this.bus.stream('orders.1').pipe(map((event) => event));
      }
    }
    const app = await start({}, 'express', { controllers: [Routes] });
    const open = (path: string) => openGzip(app.url(path)).then(({ compressed }) => compressed.headers);
    expect(await open('/plain')).not.toHaveProperty('content-encoding');
    expect(await open('/piped')).not.toHaveProperty('content-encoding');
    expect(await open('/compressed')).toMatchObject({ 'content-encoding': 'gzip' });
  });
});

describe('Compression is off', () => {
  it('for the whole module', async () => {
    const app = await start({ compression: false });
    expect((await openDeflated(app)).client.socket.extensions).toBe('');
    const { compressed } = await openGzip(app.url('/push/events?topic=orders.1'));
    expect(compressed.headers).not.toHaveProperty('content-encoding');
    expect(compressed.headers).not.toHaveProperty('vary');
  });

  it('for the topics of a rule, and for others on the same connection', async () => {
    const app = await start({
      topics: [
        { pattern: 'secrets.>', access: 'public', compression: false },
        { pattern: '>', access: 'public' },
      ],
    });
    const clients = [await openDeflated(app), await openDeflated(app)];
    for (const { client } of clients) await client.subscribe(['orders.1', 'secrets.1']);
    const before = clients.map(({ bytes }) => bytes());
    await publish(app, 'orders.1');
    for (const [index, { client, bytes }] of clients.entries()) {
      expect(await client.untilData(many)).toEqual(orders);
      expect(bytes() - before[index]!).toBeGreaterThan(JSON.stringify(orders).length);
    }
    const headers = async (topic: string) =>
      (await openGzip(app.url(`/push/events?topic=${topic}`))).compressed.headers;
    expect(await headers('secrets.1')).not.toHaveProperty('content-encoding');
    expect(await headers('orders.1')).toMatchObject({ 'content-encoding': 'gzip' });
  });

  it('where clients may publish to one of several topics, and see how long the others are', async () => {
    @PushTopic('rooms.:id')
    @Injectable()
    class Rooms implements TopicPolicy {
      canPublish(): boolean {
        return true;
      }
    }
    const app = await start({}, 'express', { providers: [Rooms] });
    const weigh = async (topics: string[]) => {
      const clients = [await openDeflated(app), await openDeflated(app)];
      for (const { client } of clients) await client.subscribe(topics);
      const before = clients[0]!.bytes();
      await publish(app, topics[0]!);
      for (const { client } of clients) expect(await client.untilData(many)).toEqual(orders);
      for (const { client } of clients) client.socket.terminate();
      return clients[0]!.bytes() - before;
    };
    const plain = JSON.stringify(orders).length;
    expect(await weigh(['orders.1', 'rooms.1'])).toBeGreaterThan(plain);
    expect(await weigh(['orders.1', 'news.1'])).toBeLessThan(plain / 3);
    expect(await weigh(['rooms.1'])).toBeLessThan(plain / 3);
    expect(await weigh(['rooms.1', 'rooms.2'])).toBeGreaterThan(plain);
  });
});
