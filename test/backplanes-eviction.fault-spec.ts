import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PushModule } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { startRecording } from 'nestjs-push/testing';
import { afterTest } from './support/cleanup.js';
import { capturedLog } from './support/log-on-server.js';
import { keepAll } from './support/log-trial.js';
import { random } from './support/random.js';
import { startRedis, type ServerProcess } from './support/servers.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { openWs, type WsClient } from './support/ws-client.js';

let server: ServerProcess;
let admin: Redis;
let logs = 0;
let prefix: string;

beforeAll(async () => {
  Logger.overrideLogger(false);
  server = await startRedis();
  admin = new Redis(server.port);
});
afterAll(async () => {
  admin.disconnect();
  await server.dispose();
});
beforeEach(() => (prefix = `log${++logs}`));

async function node(port = server.port, feedLength?: number): Promise<RunningApp> {
  const app = await startApp('express', {
    imports: [
      PushModule.forRoot({
        backplane: redisBackplane({ url: `redis://127.0.0.1:${port}`, prefix, feedLength }),
        topics: [{ pattern: '>', access: 'public' }],
      }),
    ],
  });
  expect(await app.bus.health()).toMatchObject({ ready: true });
  return app;
}

/** Deletes the keys of the log whose names after the prefix match. Returns how many there were. */
async function evict(name: RegExp): Promise<number> {
  const keys = (await admin.keys(`{${prefix}}:*`)).filter((key) => name.test(key.slice(prefix.length + 3)));
  return keys.length > 0 ? admin.del(...keys) : 0;
}

/** Publishes numbers, and notes which event got which id. */
class Publisher {
  readonly stored = new Map<string, number>();
  private count = 0;

  constructor(readonly bus: RunningApp['bus']) {}

  async publish(topic: string, messageId?: string): Promise<string> {
    const n = ++this.count;
    const id = (await this.bus.publish(topic, n, { messageId }))!;
    expect(this.stored.get(id)).toBeUndefined();
    this.stored.set(id, n);
    return id;
  }
}

/** What a client got: numbers, and "gap" for each that it was told of. */
function story({ messages }: WsClient): unknown[] {
  return messages.flatMap(({ event, data }) =>
    event === 'message' ? [data.data] : event === 'gap' ? ['gap'] : [],
  );
}

/** Each kind of key that a log has, and what a client that resumes after the second of five events may get. */
const kinds: [string, RegExp][] = [
  ['the log', /^log$/],
  ['the stream of epochs', /^epochs$/],
  ['the index by change', /^topics$/],
  ['the index by name', /^names$/],
  ['both indexes', /^(topics|names)$/],
  ['the feed', /^feed:/],
  ['the list of a topic', /^topic:t\.a$/],
  ['all lists', /^topic:/],
  ['a list and both indexes', /^(topics|names|topic:t\.a)$/],
  ['the list and the feed', /^(topic:t\.a|feed:.*)$/],
  ['both indexes and the feed', /^(topics|names|feed:.*)$/],
  ['all but the log', /^(?!log$)/],
  ['all message ids', /^message:/],
];

describe('Redis evicts a key', () => {
  it('and there are no other keys than those that are evicted here', async () => {
    const app = await node();
    await app.bus.publish('t.a', 1, { messageId: 'm' });
    const alone = kinds.slice(0, 4).map(([, name]) => name);
    const known = [...alone, /^feed:/, /^topic:/, /^message:/, /^once:/];
    const names = (await admin.keys(`{${prefix}}:*`)).map((key) => key.slice(prefix.length + 3));
    expect(names.filter((name) => !known.some((each) => each.test(name)))).toEqual([]);
  });

  describe.each(kinds)('%s', (_, name) => {
    it.each(['before', 'after'])(
      'what is missing is told, %s something else is published, and ids are never given again',
      async (when) => {
        const first = await node();
        const publisher = new Publisher(first.bus);
        await publisher.publish('t.b');
        const ids: string[] = [];
        for (let n = 0; n < 5; n++) ids.push(await publisher.publish('t.a', n === 0 ? 'm' : undefined));
        const live = await openWs(first.webSocketUrl());
        await live.subscribe('t.*', ids[4]);
        const later: number[] = [];
        expect(await evict(name)).toBeGreaterThan(0);
        if (when === 'after') await publisher.publish('other');
        // Its window is empty: whatever is older comes from the server.
        const second = await node();
        for (const topics of [['t.a'], ['t.*'], ['t.a', '*.b'], ['*.*.*', 't.a']]) {
          const client = await openWs(second.webSocketUrl());
          await client.subscribe(topics, ids[1]!);
          const end = await publisher.publish('t.a');
          later.push(publisher.stored.get(end)!);
          await client.until(() => client.data.includes(later.at(-1)));
          const got = story(client);
          const missed = [4, 5, 6].filter((n) => !got.includes(n));
          if (missed.length > 0) expect([topics, got[0]]).toEqual([topics, 'gap']);
          const numbers = got.filter((each) => each !== 'gap');
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => Number(a) - Number(b)));
          for (const message of client.all('message'))
            expect(publisher.stored.get(message.id as string)).toBe(message.data);
        }
        // Who is live is told of another log, or gets everything.
        await live.until(() => live.data.includes(later.at(-1)));
        if (!story(live).includes('gap')) expect(live.data).toEqual(later);
      },
    );
  });

  it('the log, and a message id of the old one does not stand for an event of the new one', async () => {
    const app = await node();
    const old = await app.bus.publish('t.a', 1, { messageId: 'm' });
    await evict(/^log$/);
    const again = await app.bus.publish('t.a', 2, { messageId: 'm' });
    expect(again).not.toBe(old);
    expect(await app.bus.publish('t.a', 3, { messageId: 'm' })).toBe(again);
    const client = await openWs(app.webSocketUrl());
    await client.subscribe('t.a', 'earliest');
    await client.untilData(1);
    expect(client.all('message')).toMatchObject([{ id: again, data: 2 }]);
  });

  it('the feed, while a node is away: it is told though nothing else is published', async () => {
    const proxy = await TcpProxy.start(server.port);
    afterTest(() => proxy.dispose());
    const at = (port: number) => redisBackplane({ url: `redis://127.0.0.1:${port}`, prefix });
    const [here, away] = [
      await startRecording(at(server.port), keepAll),
      await startRecording(at(proxy.port), keepAll),
    ];
    afterTest(() => Promise.all([here.backplane.close(), away.backplane.close()]));
    proxy.refuse();
    const { sequence } = await here.backplane.append({ topic: 'a', data: '1' });
    await evict(/^feed:/);
    proxy.heal();
    await away.tail.until(({ skipped }) => skipped.length > 0);
    expect(away.tail.skipped).toEqual([sequence]);
  });
});

describe('A Redis that is full', () => {
  it.each(['allkeys-random', 'allkeys-lru', 'volatile-random'])(
    'and evicts (%s): every client gets everything, or is told',
    async (policy) => {
      const small = await startRedis('none', ['--maxmemory', '3mb', '--maxmemory-policy', policy]);
      afterTest(() => small.dispose());
      const next = random(7);
      const pad = 'x'.repeat(2_000);
      const publishing = await node(small.port, 100);
      const stored = new Map<string, string>();
      const publish = async (topic: string) => {
        const id = (await publishing.bus.publish(topic, { topic, n: stored.size, pad }))!;
        expect(stored.has(id)).toBe(false);
        stored.set(id, topic);
        return id;
      };
      let [told, complete] = [0, 0];
      for (let round = 0; round < 6; round++) {
        const start = await publish('t.1');
        const before = stored.size;
        for (let n = 0; n < 250; n++) await publish(`t.${next(8)}`);
        const late = await node(small.port, 100);
        const clients: [WsClient, RegExp][] = [];
        for (const [topics, grammar] of [
          [['t.*'], /./],
          [['t.1', 't.2'], /\.[12]$/],
          [['t.3', '*.4'], /\.[34]$/],
        ] as const) {
          const client = await openWs(late.webSocketUrl());
          await client.subscribe([...topics, 'end'], start);
          clients.push([client, grammar]);
        }
        const end = await publish('end');
        for (const [client, grammar] of clients) {
          // What is told may be all that comes: the newest events, or the log itself, may go as well.
          const isTold = ({ reason, id }: Record<string, unknown>) =>
            reason === 'epoch' || sequenceOf(id as string) >= sequenceOf(end);
          await client.until(
            () =>
              client.all('message').at(-1)?.id === end ||
              client.all('gap').some(isTold) ||
              client.closed !== undefined,
          );
          const got = client.all('message');
          for (const { id, topic } of got) expect(stored.get(id as string)).toBe(topic);
          const ids = new Set(got.map(({ id }) => id));
          const missed = [...stored]
            .slice(before)
            .filter(([id, topic]) => grammar.test(topic) && !ids.has(id));
          if (missed.length > 1 || (missed.length === 1 && missed[0]![0] !== end)) {
            expect([client.closed, ...client.all('gap')].filter(Boolean).length).toBeGreaterThan(0);
            told++;
          } else complete++;
        }
        await late.close();
      }
      const client = new Redis(small.port);
      afterTest(() => client.disconnect());
      const evicted = Number(/evicted_keys:(\d+)/.exec(await client.info('stats'))![1]);
      expect(evicted).toBeGreaterThan(0);
      expect(told + complete).toBe(18);
    },
    60_000,
  );

  it('is named at the start, once, and by every check', async () => {
    const lines = capturedLog();
    const small = await startRedis('none', ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru']);
    afterTest(() => small.dispose());
    const { backplane } = await startRecording(
      redisBackplane({ url: `redis://127.0.0.1:${small.port}` }),
      keepAll,
    );
    afterTest(() => backplane.close());
    const problem = 'maxmemory-policy allkeys-lru';
    for (let checks = 0; checks < 2; checks++)
      expect(await backplane.health()).toMatchObject({
        ready: true,
        detail: expect.stringContaining(problem),
      });
    expect(lines.filter((line) => line.includes(problem))).toHaveLength(1);
    const client = new Redis(small.port);
    afterTest(() => client.disconnect());
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    expect((await backplane.health()).detail).not.toContain('maxmemory');
  });
});

function sequenceOf(id: string): number {
  return Number(id.split('-')[1]);
}
