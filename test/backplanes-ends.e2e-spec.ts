import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import type { Backplane, RetentionRules } from 'nestjs-push';
import { natsBackplane, type NatsBackplaneOptions } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane, type RedisBackplaneOptions } from 'nestjs-push/redis';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import { afterTest } from './support/cleanup.js';
import { chunk, ending, finiteRules, forgotten, pagesOf, put } from './support/ends.js';
import { OlderRedisNode } from './support/older-redis-node.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { startPostgres, urlOf } from './support/postgres.js';

const patient = { publishTimeout: 30_000 };

async function join(backplane: Backplane, retention = finiteRules()): Promise<RecordedNode> {
  const node = await startRecording(backplane, retention);
  afterTest(() => node.backplane.close());
  return node;
}

/** Resolves when a node has read everything up to an event that it publishes now. */
async function settled(node: RecordedNode): Promise<void> {
  const { sequence } = await node.backplane.append(chunk('mark'));
  await node.tail.until((tail) => tail.sequence >= sequence);
}

beforeAll(() => Logger.overrideLogger(false));

/** Servers that keep what they have acknowledged, also when they are killed. */
const kinds: [string, () => Promise<ServerProcess>, (port: number) => Backplane][] = [
  [
    'Redis',
    () => startRedis('aof'),
    (port) => redisBackplane({ url: `redis://127.0.0.1:${port}`, ...patient }),
  ],
  ['NATS', startNats, (port) => natsBackplane({ servers: `127.0.0.1:${port}`, ...patient })],
  ['Postgres', startPostgres, (port) => postgresBackplane({ url: urlOf(port), ...patient })],
];

describe.each(kinds)('Ends in %s', (_, startServer, backplane) => {
  let server: ServerProcess;
  beforeEach(async () => {
    server = await startServer();
    afterTest(() => server.dispose());
  });

  it('are known when the server was killed and comes back, and so is what was removed', async () => {
    const [one, other] = [await join(backplane(server.port)), await join(backplane(server.port))];
    const first = await put(one, chunk('run.a', 1, { messageId: 'first' }));
    const end = await put(other, ending('run.a', { messageId: 'end' }));
    await put(one, chunk('run.b'));
    await put(one, ending('run.b'));
    const removed = await put(one, forgotten('run.b'));
    await server.kill();
    // They wait for the server.
    const waiting = [one, other].map((node) => put(node, chunk('run.a', 'late')));
    const again = put(other, chunk('run.b', 'again'));
    await server.start();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    const begun = await again;
    const third = await join(backplane(server.port));
    expect(await put(third, ending('run.a', { messageId: 'another' }))).toBeUndefined();
    expect(await put(third, ending('run.a', { messageId: 'end' }))).toBe(end);
    expect(await put(third, chunk('run.a', 1, { messageId: 'first' }))).toBe(first);
    await settled(third);
    expect(await pagesOf(third, ['run.a'])).toEqual({ ids: [first, end], lost: [] });
    expect(await pagesOf(third, ['run.b'])).toEqual({ ids: [removed, begun], lost: [] });
  });

  it('are stored once when the server is killed while they are on their way: the retry finds them', async () => {
    const nodes = [await join(backplane(server.port)), await join(backplane(server.port))];
    const topics = Array.from({ length: 40 }, (_, n) => `run.${n}`);
    for (const topic of topics) await put(nodes[0]!, chunk(topic));
    const outcomes = nodes.map((node) =>
      Promise.all(topics.map((topic) => put(node, ending(topic, { type: `by ${nodes.indexOf(node)}` })))),
    );
    await server.kill();
    await server.start();
    const [by0, by1] = (await Promise.all(outcomes)) as [string[], string[]];
    const reader = await join(backplane(server.port));
    for (const [n, topic] of topics.entries()) {
      const { ids } = await pagesOf(reader, [topic]);
      expect(ids).toHaveLength(2);
      // Of the two one has won, and the other one was refused.
      expect([by0[n], by1[n]].filter((id) => id !== undefined)).toEqual([ids[1]]);
    }
  });

  it('are kept where topics keep no events at all', async () => {
    const rules = finiteRules({ events: 0, age: 1 });
    const [one, other] = [
      await join(backplane(server.port), rules),
      await join(backplane(server.port), rules),
    ];
    await put(one, chunk('run.a'));
    const end = await put(one, ending('run.a'));
    expect(await put(other, chunk('run.a'))).toBeUndefined();
    expect((await pagesOf(other, ['run.*'])).ids).toEqual([end]);
    const removed = await put(other, forgotten('run.a'));
    expect((await pagesOf(one, ['run.a'])).ids).toEqual([removed]);
    expect(await put(one, chunk('run.a'))).toBeDefined();
  });

  it('come to topics that had events before a rule made them finite', async () => {
    const plain: RetentionRules = { of: () => finiteRules().of('plain'), largest: finiteRules().largest };
    const before = await join(backplane(server.port), plain);
    const old = await put(before, chunk('run.a'));
    const node = await join(backplane(server.port));
    const end = await put(node, ending('run.a'));
    expect(await put(node, chunk('run.a'))).toBeUndefined();
    await settled(node);
    expect(await pagesOf(node, ['run.a'])).toEqual({ ids: [old, end], lost: [] });
  });

  it('do not hold what is published elsewhere, nor its order', async () => {
    const [one, other] = [await join(backplane(server.port)), await join(backplane(server.port))];
    for (const node of [one, other]) await put(node, ending(`run.${node === one ? 1 : 2}`));
    const published = Array.from({ length: 200 }, (_, n) =>
      n % 5 === 0 ? chunk('run.1', n) : chunk('plain', n),
    );
    const ids = await Promise.all(
      [one, other].map((node) => Promise.all(published.map((each) => put(node, each)))),
    );
    await settled(one);
    for (const own of ids) {
      expect(own.map((id) => id === undefined)).toEqual(published.map(({ topic }) => topic === 'run.1'));
      const stored = new Set(own.filter((id) => id !== undefined));
      const read = one.tail.events.filter(({ id }) => stored.has(id!));
      expect(read.map(({ id }) => id)).toEqual([...stored]);
    }
  });
});

describe('Ends in Redis', () => {
  let server: ServerProcess;
  let logs = 0;
  let options: RedisBackplaneOptions & { prefix: string };
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.port);
  });
  beforeEach(() => {
    options = { url: `redis://127.0.0.1:${server.port}`, prefix: `ends-${++logs}` };
  });
  afterAll(() => {
    admin.disconnect();
    return server.dispose();
  });
  const list = (topic: string) => `{${options.prefix}}:topic:${topic}`;

  it('last as long as their rule says, and no longer: lists expire by themselves', async () => {
    const node = await join(
      redisBackplane(options),
      finiteRules({ age: 60_000, ttl: 600_000, tombstones: 300_000 }),
    );
    const left = async () => Math.round((await admin.pttl(list('run.a'))) / 60_000);
    const minutes: number[] = [];
    for (const draft of [chunk('run.a'), ending('run.a'), forgotten('run.a'), chunk('run.a')]) {
      await put(node, draft);
      minutes.push(await left());
    }
    expect(minutes).toEqual([1, 10, 5, 1]);
    const brief = await join(redisBackplane(options), finiteRules({ age: 1, ttl: Infinity }));
    await put(brief, ending('run.a'));
    expect(await admin.pttl(list('run.a'))).toBe(-1);
  });

  it('are forgotten with their topics beyond maxTopics: then those begin again, and readers are told', async () => {
    const node = await join(redisBackplane({ ...options, maxTopics: 10 }));
    await put(node, ending('run.old'));
    for (let n = 0; n < 9; n++) await put(node, chunk(`plain.${n}`));
    expect(await put(node, chunk('run.old'))).toBeUndefined();
    await put(node, chunk('plain.9'));
    const again = await put(node, chunk('run.old'));
    expect(again).toBeDefined();
    expect(await pagesOf(node, ['run.old'])).toEqual({ ids: [again], lost: ['run.old'] });
  });

  it('are unknown where the server has dropped their list, and readers are told', async () => {
    const node = await join(redisBackplane(options));
    await put(node, ending('run.a'));
    expect(await admin.del(list('run.a'))).toBe(1);
    expect((await pagesOf(node, ['run.a'])).lost).toEqual(['run.a']);
    expect(await put(node, chunk('run.a'))).toBeDefined();
    expect((await pagesOf(node, ['run.a'])).lost).toEqual(['run.a']);
  });

  it('and removals hold where wildcards have so many topics that the feed is read', async () => {
    const node = await join(redisBackplane(options), finiteRules({ events: 3 }));
    const topics = Array.from({ length: 1_200 }, (_, n) => `run.${n}`);
    const ids = await Promise.all(topics.map((topic) => put(node, chunk(topic))));
    for (let n = 0; n < 5; n++) await put(node, chunk('run.1', n));
    const [ended] = [await put(node, ending('run.0'))];
    const removed = await put(node, forgotten('run.0'));
    const other = [await put(node, forgotten('run.1')), await put(node, chunk('run.1', 'again'))];
    for (let n = 0; n < 5; n++) await put(node, chunk('run.2', n));
    const page = await pagesOf(node, ['run.*']);
    expect(page.ids).not.toContain(ended);
    expect(page.ids.slice(0, 1_197)).toEqual(ids.slice(3));
    expect(page.ids.slice(1_197, 1_200)).toEqual([removed, ...other]);
    // Of a topic that keeps three events the older ones are lost.
    expect(page.ids).toHaveLength(1_203);
    expect(page.lost).toEqual(['run.*']);
    expect((await pagesOf(node, ['run.0', 'run.1'])).lost).toEqual([]);
  });

  it('leave lists that a node of a version without ends reads and appends to', async () => {
    const node = await join(redisBackplane(options));
    const older = new OlderRedisNode(server.port, options.prefix);
    const first = await older.publish('run.a', '1');
    const end = await put(node, ending('run.a'));
    // It knows nothing of the end: use ends when all nodes have the rule.
    const late = await older.publish('run.a', '"late"');
    expect(await pagesOf(node, ['run.a'])).toEqual({ ids: [first, end, late], lost: [] });
    const removed = await put(node, forgotten('run.a'));
    const again = await older.publish('run.a', '2');
    expect(await pagesOf(node, ['run.a'])).toEqual({ ids: [removed, again], lost: [] });
    await put(node, ending('run.a'));
    expect(await put(node, chunk('run.a'))).toBeUndefined();
  });
});

describe('Ends in NATS', () => {
  let server: ServerProcess;
  let logs = 0;
  let options: NatsBackplaneOptions & { stream: string };
  let manager: JetStreamManager;
  beforeAll(async () => {
    server = await startNats();
  });
  beforeEach(async () => {
    options = { servers: `127.0.0.1:${server.port}`, stream: `ends-${++logs}` };
    const connection = await connect({ servers: options.servers! });
    afterTest(() => connection.close());
    manager = await jetstreamManager(connection);
  });
  afterAll(() => server.dispose());

  /** How many messages the stream has of a topic. */
  async function countOf(topic: string): Promise<number> {
    const subjects_filter = `${options.stream}.event.${topic}`;
    const { state } = await manager.streams.info(options.stream, { subjects_filter });
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  }

  it('and removals: what is removed leaves the stream soon, and nothing else counts as lost for it', async () => {
    const [one, other] = [await join(natsBackplane(options)), await join(natsBackplane(options))];
    for (let n = 0; n < 30; n++) await put(one, chunk('run.a', n));
    const plain = await put(one, chunk('plain'));
    const removed = await put(one, forgotten('run.a'));
    const again = await put(other, chunk('run.a'));
    const expected = { ids: [plain, removed, again], lost: [] };
    for (let count = Infinity; count > 2; count = await countOf('run.a'))
      for (const limit of [1, 400]) expect(await pagesOf(other, ['>'], limit)).toEqual(expected);
    for (const limit of [1, 400]) expect(await pagesOf(other, ['>'], limit)).toEqual(expected);
    // Nor did a node that tails the stream miss anything.
    await settled(other);
    expect([...one.tail.skipped, ...other.tail.skipped]).toEqual([]);
  });

  it('and removals: a node finishes what another one that has left did not come to', async () => {
    const one = await join(natsBackplane(options));
    const other = await join(natsBackplane(options));
    for (let n = 0; n < 30; n++) await put(one, chunk('run.a', n));
    await put(one, forgotten('run.a'));
    await one.backplane.close();
    while ((await countOf('run.a')) > 1);
    await settled(other);
  });

  it('are looked up again in another stream of the same name', async () => {
    const node = await join(natsBackplane({ ...options, ...patient }));
    await put(node, ending('run.a'));
    expect(await put(node, chunk('run.a'))).toBeUndefined();
    await manager.streams.delete(options.stream);
    await node.tail.until(({ opened }) => opened.length === 2);
    expect(await put(node, chunk('run.a'))).toBeDefined();
  });

  it('are refused at once, however many events come after one', async () => {
    const node = await join(natsBackplane(options));
    await put(node, ending('run.a'));
    const before = (await manager.streams.info(options.stream)).state.last_seq;
    const late = Array.from({ length: 1_000 }, (_, n) => chunk('run.a', n));
    const outcomes = await Promise.all(late.map((draft) => put(node, draft)));
    expect(outcomes.every((id) => id === undefined)).toBe(true);
    expect((await manager.streams.info(options.stream)).state.last_seq).toBe(before);
  });

  it('are known by the server’s clock, whatever the clock of a node says', async () => {
    const rules = finiteRules({ ttl: 3_600_000 });
    const one = await join(natsBackplane(options), rules);
    await put(one, ending('run.a'));
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 7_200_000);
    afterTest(() => clock.mockRestore());
    const other = await join(natsBackplane(options), rules);
    expect(await put(other, chunk('run.a'))).toBeUndefined();
  });
});
