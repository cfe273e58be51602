import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, nanos, type NatsConnection } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import type { RetentionRules } from 'nestjs-push';
import { natsBackplane, type NatsBackplaneOptions } from 'nestjs-push/nats';
import { RecordingTail, startRecording, type RecordedNode } from 'nestjs-push/testing';
import { cp, rm } from 'node:fs/promises';
import { afterTest } from './support/cleanup.js';
import { keepAll, LogTrial } from './support/log-trial.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';
import { freePort } from './support/free-port.js';
import { ServerProcess, startNats } from './support/servers.js';

const at = (port: number, more: NatsBackplaneOptions = {}) =>
  natsBackplane({ servers: `127.0.0.1:${port}`, publishTimeout: 30_000, ...more });

async function nats(): Promise<ServerProcess> {
  const server = await startNats();
  afterTest(() => server.dispose());
  return server;
}

async function node(
  port: number,
  options?: NatsBackplaneOptions,
  retention: RetentionRules = keepAll,
): Promise<RecordedNode> {
  const started = await startRecording(at(port, options), retention);
  afterTest(() => started.backplane.close());
  return started;
}

async function publishing(port: number, options?: NatsBackplaneOptions): Promise<LogTrial> {
  const trial = new LogTrial();
  afterTest(() => trial.end());
  for (let i = 0; i < 3; i++) await trial.join(at(port, options));
  trial.publish();
  await trial.untilMore(200);
  return trial;
}

async function admin(port: number): Promise<JetStreamManager> {
  const connection: NatsConnection = await connect({ servers: `127.0.0.1:${port}` });
  afterTest(() => connection.close());
  return jetstreamManager(connection);
}

/** Captures what people are told. */
function capturedLog(): string[] {
  const lines: string[] = [];
  const note = (message: string) => lines.push(message);
  Logger.overrideLogger({ log: note, warn: note, error: note });
  afterTest(() => Logger.overrideLogger(false));
  return lines;
}

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

describe('NATS: what a server can lose', () => {
  it('tells every node of another log when the stream is deleted', async () => {
    const { port } = await nats();
    const trial = await publishing(port);
    await (await admin(port)).streams.delete('push');
    await trial.untilMore(200);
    await trial.settle();
    trial.checkReplaced();
  });

  it('tells every node of another log when the server that kept it in memory restarts', async () => {
    const server = await nats();
    const trial = await publishing(server.port, { storage: 'memory' });
    await server.kill();
    await server.start();
    await trial.untilMore(200);
    await trial.settle();
    trial.checkReplaced();
  });

  it('tells every node of another log when the server comes back with an older state', async () => {
    const server = await nats();
    const trial = await publishing(server.port);
    const backup = `${server.directory}-backup`;
    afterTest(() => rm(backup, { recursive: true, force: true }));
    await server.kill();
    await cp(server.directory, backup, { recursive: true });
    await server.start();
    await trial.untilMore(300);
    await server.kill();
    await server.wipe();
    await cp(backup, server.directory, { recursive: true });
    await server.start();
    await trial.untilMore(300);
    await trial.settle();
    trial.checkReplaced({ givesNumbersAgain: true });
  });

  it('tells a node of another log though it has lost nothing itself', async () => {
    const server = await nats();
    const proxy = await TcpProxy.start(server.port);
    afterTest(() => proxy.dispose());
    const trial = await publishing(server.port);
    // It reads and does not publish.
    const away = await trial.join(at(proxy.port));
    await trial.untilMore(100);
    const backup = `${server.directory}-backup`;
    afterTest(() => rm(backup, { recursive: true, force: true }));
    await server.kill();
    proxy.refuse();
    await cp(server.directory, backup, { recursive: true });
    await server.start();
    await trial.untilMore(200);
    await server.kill();
    await server.wipe();
    await cp(backup, server.directory, { recursive: true });
    await server.start();
    proxy.heal();
    await trial.untilMore(300);
    await trial.settle();
    expect(away.tail.opened.length).toBeGreaterThan(1);
    trial.checkReplaced({ givesNumbersAgain: true });
  });

  it('tells of another log each time that the same backup is restored', async () => {
    const server = await nats();
    const { backplane, tail } = await node(server.port);
    const append = () => backplane.append({ topic: 'a', data: '1' });
    await append();
    await server.kill();
    const backup = `${server.directory}-backup`;
    afterTest(() => rm(backup, { recursive: true, force: true }));
    await cp(server.directory, backup, { recursive: true });
    await server.start();
    for (const times of [1, 2, 3]) {
      for (let n = 0; n < 5; n++) await append();
      await server.kill();
      await server.wipe();
      await cp(backup, server.directory, { recursive: true });
      await server.start();
      const { epoch, sequence } = await append();
      await tail.until(
        ({ events }) => events.at(-1)?.epoch === epoch && events.at(-1)?.sequence === sequence,
      );
      expect(new Set(tail.opened.map((position) => position.epoch)).size).toBe(times + 1);
      expect(tail.opened).toHaveLength(times + 1);
    }
  });

  it('goes on when its consumer is deleted', async () => {
    const { port } = await nats();
    const { consumers } = await admin(port);
    const trial = await publishing(port);
    for await (const { name } of consumers.list('push')) await consumers.delete('push', name);
    await trial.untilMore(200);
    await trial.settle();
    trial.checkComplete();
  });

  it('knows what a purge took', async () => {
    const { port } = await nats();
    const { backplane, tail } = await node(port);
    for (const topic of ['a', 'b', 'a']) await backplane.append({ topic, data: '1' });
    await tail.until(({ events }) => events.length === 3);
    const through = tail.events.at(-1)!.sequence;
    await (await admin(port)).streams.purge('push');
    const page = await backplane.history!.page({ topics: ['a'], after: 0, through, limit: 10 });
    expect([page.events, page.through, [...page.lost]]).toEqual([[], through, [['a', through]]]);
    const { sequence } = await backplane.append({ topic: 'a', data: '2' });
    await tail.until(({ events }) => events.at(-1)?.sequence === sequence);
    expect(tail.skipped).toEqual([]);
  });

  it('cannot know what is older than the stream remembers, and says so', async () => {
    const { port } = await nats();
    const brief = { of: () => ({ events: 10, age: 500 }), largest: { events: 10, age: 500 } };
    const options = { remember: 5_000, rememberMessageIds: 5_000 };
    const { backplane, tail } = await node(port, options, brief);
    const { sequence } = await backplane.append({ topic: 'a', data: '1' });
    await tail.until(({ events }) => events.length === 1);
    const ask = () => backplane.history!.page({ topics: ['quiet'], after: 0, through: sequence, limit: 10 });
    expect([...(await ask()).lost]).toEqual([]);
    while ((await ask()).lost.size === 0);
    const later = await backplane.append({ topic: 'a', data: '2' });
    await tail.until(({ events }) => events.at(-1)?.sequence === later.sequence);
    const since = { topics: ['quiet'], after: later.sequence - 1, through: later.sequence, limit: 10 };
    expect([...(await backplane.history!.page(since)).lost]).toEqual([]);
  });

  it('knows which topics are full', async () => {
    const { port } = await nats();
    const { backplane, tail } = await node(port, { perTopic: 20 });
    const sequences: number[] = [];
    for (let n = 0; n < 30; n++)
      sequences.push((await backplane.append({ topic: 'a.full', data: `${n}` })).sequence);
    const quiet = await backplane.append({ topic: 'a.quiet', data: '0' });
    await tail.until(({ events }) => events.at(-1)?.sequence === quiet.sequence);
    const ask = async (topic: string, after: number) => {
      const query = { topics: [topic], after, through: quiet.sequence, limit: 100 };
      const { events, lost } = await backplane.history!.page(query);
      return [events.map(({ sequence }) => sequence), ...lost];
    };
    const kept = sequences.slice(10);
    expect(await ask('a.full', 0)).toEqual([kept, ['a.full', sequences[9]]]);
    expect(await ask('a.full', sequences[8]!)).toEqual([kept, ['a.full', sequences[9]]]);
    expect(await ask('a.full', sequences[9]!)).toEqual([kept]);
    expect(await ask('a.quiet', 0)).toEqual([[quiet.sequence]]);
    expect(await ask('a.*', sequences[3]!)).toEqual([
      [...kept, quiet.sequence],
      ['a.*', sequences[9]],
    ]);
  });
});

describe('NATS: a server that is away', () => {
  it('starts without it, says so once, and begins when it comes', async () => {
    const lines = capturedLog();
    const port = await freePort();
    const backplane = at(port);
    afterTest(() => backplane.close());
    backplane.start(new RecordingTail(), keepAll);
    const early = backplane.append({ topic: 'a', data: '1' });
    const health = await backplane.health();
    expect(health.ready).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^NATS cannot be used/)]);
    const server = await startNats([], port);
    afterTest(() => server.dispose());
    await early;
    await eventually(() => lines.length > 1);
    expect(lines.at(-1)).toMatch(/^NATS is back after \d+ ms/);
    expect(lines).toHaveLength(2);
  });

  it('lets publishing wait within bounds, then rejects it so that it can be tried again', async () => {
    const server = await nats();
    const { backplane } = await node(server.port, { publishTimeout: 5_000, maxWaiting: 100 });
    await server.kill();
    const results = await Promise.allSettled(
      Array.from({ length: 101 }, (_, n) =>
        backplane.append({ topic: 'a', data: `${n}`, messageId: `m${n}` }),
      ),
    );
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    await expect(backplane.sendEphemeral({ topic: 'a', data: '1' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await server.start();
    const appended = async () => {
      for (;;) {
        const append = backplane.append({ topic: 'a', data: '1', messageId: 'm1' });
        const position = await append.catch(() => undefined);
        if (position) return position;
      }
    };
    await expect(appended()).resolves.toBeDefined();
  });
});
