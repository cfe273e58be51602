import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { redisBackplane, type RedisBackplaneOptions } from 'nestjs-push/redis';
import { chunk, ending, finiteRules, forgotten, join, pagesOf, put } from './support/ends.js';
import { OlderRedisNode } from './support/older-redis-node.js';
import { startRedis, type ServerProcess } from './support/servers.js';

beforeAll(() => Logger.overrideLogger(false));

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
