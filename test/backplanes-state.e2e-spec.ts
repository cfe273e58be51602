import type { JetStreamManager } from '@nats-io/jetstream';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Backplane, Draft, RetentionRules } from 'nestjs-push';
import { natsBackplane, type NatsBackplaneOptions } from 'nestjs-push/nats';
import { redisBackplane } from 'nestjs-push/redis';
import { RecordingTail, type RecordedNode } from 'nestjs-push/testing';
import { afterTest } from './support/cleanup.js';
import { recordingOn } from './support/log-on-server.js';
import { eachInOwnStream } from './support/nats-log.js';
import { OlderRedisNode } from './support/older-redis-node.js';
import { startRedis, type ServerProcess } from './support/servers.js';

/** State topics are those that begin with "state." */
const rules: RetentionRules = {
  of: (topic) =>
    topic.startsWith('state.')
      ? { events: 1, age: Infinity, state: { pattern: 'state.>', tombstones: 3_600_000 } }
      : { events: 3, age: 3_600_000 },
  largest: { events: 3, age: 3_600_000 },
  state: {
    rules: [{ pattern: 'state.>', tombstones: 3_600_000 }],
    among: (pattern) => (pattern.startsWith('state.') ? 'all' : pattern === '>' ? 'some' : 'none'),
    bytes: Infinity,
  },
};

/** The same topics, in the application before it had state. */
const before: RetentionRules = { of: () => ({ events: 3, age: 3_600_000 }), largest: rules.largest };

const join = (backplane: Backplane, retention = rules) => recordingOn(backplane, retention);

function publish({ backplane }: RecordedNode, topics: readonly string[]): Promise<unknown> {
  return Promise.all(topics.map((topic, n) => backplane.append({ topic, data: `${n}` })));
}

/** All pages: events, by topic, and what is lost. */
async function readAll({ backplane }: RecordedNode, topics: string[], limit = 400) {
  const { sequence: through } = await backplane.head!();
  const data = new Map<string, string[]>();
  const lost = new Map<string, number>();
  for (let after = 0; after < through;) {
    const page = await backplane.history!.page({ topics, after, through, limit });
    for (const { topic, data: text } of page.events) data.set(topic, [...(data.get(topic) ?? []), text]);
    for (const [topic, sequence] of page.lost) lost.set(topic, sequence);
    after = page.through;
  }
  return { data, lost: [...lost.keys()] };
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}.${n}`);

beforeAll(() => Logger.overrideLogger(false));

describe('State in Redis', () => {
  let server: ServerProcess;
  let logs = 0;
  let options: { url: string; prefix: string };
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => {
    options = { url: `redis://127.0.0.1:${server.port}`, prefix: `state-${++logs}` };
  });
  afterAll(() => server.dispose());

  it('does not count as one of the topics that are remembered, and is not forgotten for them', async () => {
    const node = await join(redisBackplane({ ...options, maxTopics: 10, feedLength: 10 }));
    await publish(node, names('state', 50));
    await publish(node, names('plain', 100));
    const { data, lost } = await readAll(node, ['>']);
    for (const name of names('state', 50)) expect(data.has(name)).toBe(true);
    for (const name of names('plain', 100).slice(-10)) expect(data.has(name)).toBe(true);
    expect(lost).toEqual(['>']);
    expect((await readAll(node, ['state.>'])).lost).toEqual([]);
    for (const expect of ['none', 'e-1'])
      await node.backplane.append({ topic: 'state.7', data: '0', expect }).then(
        () => Promise.reject(new Error('stored')),
        (error: { code: string }) => {
          if (error.code !== 'CONFLICT') throw error;
        },
      );
  });

  it('is read whole, however many topics have changed, and whatever the feed holds', async () => {
    const node = await join(redisBackplane({ ...options, feedLength: 100 }));
    const all = names('state', 2_500);
    await publish(node, all);
    await publish(node, all.slice(0, 300));
    const { data, lost } = await readAll(node, ['state.>']);
    expect([data.size, lost]).toEqual([2_500, []]);
    expect([...data.values()].every(({ length }) => length === 1)).toBe(true);
  });

  it.each(['states', 'state-names'])('is compared although the server has dropped %s', async (key) => {
    const node = await join(redisBackplane(options));
    await publish(node, names('state', 5));
    const { epoch, sequence } = await node.backplane.append({ topic: 'state.3', data: '7' });
    const admin = new Redis(server.port);
    afterTest(() => admin.disconnect());
    expect(await admin.del(`{${options.prefix}}:${key}`)).toBe(1);
    // The second time the index is there again, without the topic.
    for (let time = 0; time < 2; time++) {
      const refused = node.backplane.append({ topic: 'state.3', data: '8', expect: 'none' });
      await expect(refused).rejects.toMatchObject({ code: 'CONFLICT', currentId: `${epoch}-${sequence}` });
      await publish(node, ['state.9']);
    }
    await node.backplane.append({ topic: 'state.3', data: '8', expect: `${epoch}-${sequence}` });
  });

  it('is compared with what a node of a version without state has published, and not dropped with a removal before', async () => {
    const brief: RetentionRules = {
      ...rules,
      of: () => ({ events: 1, age: Infinity, state: { pattern: 'state.>', tombstones: 1 } }),
    };
    const node = await join(redisBackplane({ ...options, maxTopics: 3 }), brief);
    const older = new OlderRedisNode(server.port, options.prefix);
    const put = async (topic: string, more: Partial<Draft> = {}) => {
      const { epoch, sequence } = await node.backplane.append({ topic, data: '"new"', ...more });
      return `${epoch}-${sequence}`;
    };
    const removed = { data: 'null', meta: { removed: true } };

    const first = await put('state.a');
    const currentId = await older.publish('state.a', '"older"');
    for (const wanted of [first, 'none'])
      await expect(put('state.a', { expect: wanted })).rejects.toMatchObject({ code: 'CONFLICT', currentId });
    await put('state.a', { expect: currentId });

    await put('state.b');
    await put('state.b', removed);
    const back = await older.publish('state.b', '"back"');
    await put('state.c', removed);
    const { sequence } = (await node.backplane.head!())!;
    // When the removal of one is dropped, so is that of the other.
    const query = { topics: ['state.c'], after: 0, through: sequence, limit: 10 };
    while ((await node.backplane.history!.page(query)).lost.size === 0);
    const { data, lost } = await readAll(node, ['state.b']);
    expect([data.get('state.b'), lost]).toEqual([['"back"'], []]);
    await expect(put('state.b', { expect: 'none' })).rejects.toMatchObject({ currentId: back });
    await put('state.b', { expect: back });
    // What the older node has published makes none of them a topic that gives way to others.
    for (const topic of ['plain.1', 'plain.2', 'plain.3', 'plain.4']) await older.publish(topic, '0');
    await publish(node, ['state.d']);
    const all = (await readAll(node, ['state.>'])).data;
    expect(Object.fromEntries(all)).toEqual({ 'state.a': ['"new"'], 'state.b': ['"new"'], 'state.d': ['0'] });
  });

  it('takes over the topics of an application that had no state before, and gives them back', async () => {
    const old = await join(redisBackplane(options), before);
    await publish(old, ['state.a', 'state.a', 'state.b', 'plain']);
    const node = await join(redisBackplane(options));
    expect(await readAll(node, ['state.>'])).toEqual({
      data: new Map([
        ['state.a', ['1']],
        ['state.b', ['2']],
      ]),
      lost: [],
    });
    const refused = node.backplane.append({ topic: 'state.b', data: '9', expect: 'none' });
    await expect(refused).rejects.toMatchObject({ code: 'CONFLICT' });
    await publish(node, ['state.b', 'state.b']);
    expect((await readAll(node, ['state.>', 'plain'])).data).toEqual(
      new Map([
        ['state.a', ['1']],
        ['plain', ['3']],
        ['state.b', ['1']],
      ]),
    );
    await publish(old, ['state.b', 'state.b']);
    expect((await readAll(old, ['state.b'])).data.get('state.b')).toEqual(['1', '0', '1']);
  });
});

describe('State in NATS', () => {
  let options: NatsBackplaneOptions & { stream: string };
  let manager: JetStreamManager;
  eachInOwnStream('state', (own) => ({ options, manager } = own));

  /** Everything is old after a second. */
  const short: RetentionRules = { ...rules, largest: { events: 3, age: 500 } };

  /** Resolves when the stream has no event of a plain topic any more. */
  async function untilSwept(): Promise<void> {
    for (;;) {
      const subjects_filter = `${options.stream}.event.plain.>`;
      const { state } = await manager.streams.info(options.stream, { subjects_filter });
      if (Object.keys(state.subjects ?? {}).length === 0) return;
    }
  }

  it('outlives all that is old, which nodes purge themselves and tell of', async () => {
    const [node, other] = await Promise.all([
      join(natsBackplane({ ...options, remember: 1_000 }), short),
      join(natsBackplane({ ...options, remember: 1_000 }), short),
    ]);
    await publish(node, [...names('state', 300), ...names('plain', 300), ...names('state', 100)]);
    await publish(other, names('plain', 100));
    const { sequence } = await node.backplane.append({ topic: 'state.kept', data: '"kept"' });
    await untilSwept();
    const { config } = await manager.streams.info(options.stream);
    expect(config.max_age).toBe(0);
    await publish(node, ['plain.new']);
    const states = await readAll(other, ['state.>']);
    expect([states.data.size, states.lost]).toEqual([301, []]);
    expect([...states.data.values()].every(({ length }) => length === 1)).toBe(true);
    expect((await readAll(node, ['plain.>'])).lost).toEqual(['plain.>']);
    expect((await readAll(node, ['>'])).lost).toEqual(['>']);
    const { epoch } = (await node.backplane.head!())!;
    const refused = node.backplane.append({ topic: 'state.kept', data: '0', expect: 'none' });
    await expect(refused).rejects.toMatchObject({ currentId: `${epoch}-${sequence}` });
    await node.backplane.append({ topic: 'state.kept', data: '1', expect: `${epoch}-${sequence}` });
  });

  it('does not lose by the age of a stream that is there already', async () => {
    const old = await join(natsBackplane(options), before);
    await publish(old, ['state.a', 'state.a', 'plain']);
    expect((await manager.streams.info(options.stream)).config.max_age).toBeGreaterThan(0);
    const node = await join(natsBackplane(options));
    expect((await manager.streams.info(options.stream)).config.max_age).toBe(0);
    expect(await readAll(node, ['state.a', 'plain'])).toEqual({
      data: new Map([
        ['state.a', ['1']],
        ['plain', ['2']],
      ]),
      lost: [],
    });
  });

  it('is read whole in small pages, however often it has changed', async () => {
    const node = await join(natsBackplane(options));
    for (let round = 0; round < 5; round++) await publish(node, [...names('state', 60), 'plain']);
    const { data, lost } = await readAll(node, ['>'], 7);
    expect(lost).toEqual([]);
    expect(data.get('plain')).toHaveLength(5);
    for (const name of names('state', 60)) expect(data.get(name)).toHaveLength(1);
  });

  it('is told of when somebody purges the stream', async () => {
    const node = await join(natsBackplane(options));
    await publish(node, names('state', 5));
    await manager.streams.purge(options.stream);
    await publish(node, ['plain']);
    expect((await readAll(node, ['state.>', 'state.1'])).lost.sort()).toEqual(['state.1', 'state.>']);
  });

  it('refuses a bound that drops states', () => {
    const bounded = natsBackplane({ ...options, maxBytes: 1_000_000 });
    expect(() => bounded.start(new RecordingTail(), rules)).toThrow(/maxBytes is 1000000; it takes no value/);
  });
});
