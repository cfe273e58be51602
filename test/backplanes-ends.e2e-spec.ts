import { Logger } from '@nestjs/common';
import type { Backplane, RetentionRules } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { chunk, ending, finiteRules, forgotten, join, pagesOf, put, settled } from './support/ends.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';

const patient = { publishTimeout: 30_000 };

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
