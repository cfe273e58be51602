import { connect, nanos } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { RecordingTail } from 'nestjs-push/testing';
import { afterTest } from './support/cleanup.js';
import { capturedLog } from './support/log-on-server.js';
import { keepAll } from './support/log-trial.js';
import { admin, at, nats, node } from './support/nats-log.js';
import { eventually } from './support/watched.js';

beforeAll(() => Logger.overrideLogger(false));

describe('NATS: the stream', () => {
  it('makes one that holds what the retention promises', async () => {
    const { port } = await nats();
    const retention = { of: () => keepAll.largest, largest: { events: 20_000, age: 100_000_000 } };
    await node(port, { stream: 'made', storage: 'memory', maxBytes: 10_000_000 }, retention);
    const { config } = await (await admin(port)).streams.info('made');
    expect(config).toMatchObject({
      subjects: ['made.event.>', 'made.probe', 'made.mark'],
      retention: 'limits',
      discard: 'old',
      storage: 'memory',
      max_msgs_per_subject: 40_001,
      max_age: nanos(200_000_000),
      max_bytes: 10_000_000,
      duplicate_window: nanos(120_000),
    });
  });

  it('is asked for no message as long as it has none: a server that is still creating it dies of that (2.9.10)', async () => {
    const { port } = await nats();
    const connection = await connect({ servers: `127.0.0.1:${port}` });
    afterTest(() => connection.close());
    const requests: string[] = [];
    for (const subject of ['$JS.API.STREAM.CREATE.*', '$JS.API.STREAM.MSG.GET.*'])
      connection.subscribe(subject, { callback: (_, { subject: asked }) => void requests.push(asked) });
    await connection.flush();
    const { backplane } = await node(port, { stream: 'new' });
    await eventually(async () => (await backplane.health()).ready);
    expect(await backplane.oneTimeStore!.take('unknown')).toBeUndefined();
    await connection.flush();
    expect(requests).toEqual(['$JS.API.STREAM.CREATE.new']);
    await backplane.oneTimeStore!.put('known', 'value', 60_000);
    expect(await backplane.oneTimeStore!.take('known')).toBe('value');
  });

  it('raises limits that are too low for the retention, and never lowers them', async () => {
    const { port } = await nats();
    const few = { of: () => keepAll.largest, largest: { events: 10, age: 1_000 } };
    await node(port, {}, few);
    const before = (await (await admin(port)).streams.info('push')).config;
    expect(before).toMatchObject({ max_msgs_per_subject: 10_001, max_age: nanos(86_400_000) });
    await node(port, { perTopic: 20_000, rememberMessageIds: 200_000 }, keepAll);
    const raised = { max_msgs_per_subject: 20_001, duplicate_window: nanos(200_000) };
    expect((await (await admin(port)).streams.info('push')).config).toMatchObject(raised);
    await node(port, {}, few);
    expect((await (await admin(port)).streams.info('push')).config).toMatchObject(raised);
  });

  it('says what does not fit in a stream of that name, and begins when it does', async () => {
    const lines = capturedLog();
    const { port } = await nats();
    const { streams } = await admin(port);
    await streams.add({ name: 'push', subjects: ['orders.*'], storage: 'memory' });
    const backplane = at(port, { publishTimeout: 5_000 });
    afterTest(() => backplane.close());
    const tail = new RecordingTail();
    backplane.start(tail, keepAll);
    const health = await backplane.health();
    expect(health.ready).toBe(false);
    expect(health.detail).toContain('the stream "push" cannot be the log: it has the subjects orders.*, not');
    expect(lines).toHaveLength(1);
    await expect(backplane.append({ topic: 'a', data: '1' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('cannot be the log') as string,
    });
    await streams.delete('push');
    await tail.until(({ opened }) => opened.length === 1);
    await backplane.append({ topic: 'a', data: '1' });
  });
});

describe('NATS: closing', () => {
  it('ends while the node waits for the server to know its subscriptions', async () => {
    const { port } = await nats();
    let closed: Promise<void> | undefined;
    const asked = new Promise<void>((resolve) => {
      const backplane = at(port, {
        connect: async () => {
          const connection = await connect({ servers: `127.0.0.1:${port}` });
          const flush = connection.flush.bind(connection);
          connection.flush = () => {
            const flushed = flush();
            closed ??= backplane.close();
            resolve();
            return flushed;
          };
          return connection;
        },
      });
      backplane.start(new RecordingTail(), keepAll);
    });
    await asked;
    await closed;
  });
});

describe('NATS: pages', () => {
  it('are whole from wherever they begin, though the server counts too little (2.9.10)', async () => {
    const { port } = await nats();
    const { backplane } = await node(port);
    const topics = [...Array(300).keys()].map((n) => `read.${n}`);
    const others = [...Array(300).keys()].map((n) => `other.${n}`);
    const published: [topic: string, sequence: number][] = [];
    for (const topic of [...topics, ...others, ...topics.slice(0, 100)])
      published.push([topic, (await backplane.append({ topic, data: '1' })).sequence]);
    const all = published.filter(([topic]) => topic.startsWith('read.')).map(([, sequence]) => sequence);
    const { sequence: through } = await backplane.head!();
    for (let after = 0; after < through; after += 7) {
      const found: number[] = [];
      for (let read = after; read < through;) {
        const page = await backplane.history!.page({
          topics: ['read.*'],
          after: read,
          through,
          limit: 1_000,
        });
        found.push(...page.events.map(({ sequence }) => sequence));
        read = page.through;
      }
      expect([after, ...found]).toEqual([after, ...all.filter((sequence) => sequence > after)]);
    }
  });
});
