import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PushError, type Position } from 'nestjs-push';
import { redisBackplane, type RedisBackplaneOptions } from 'nestjs-push/redis';
import { RecordingTail, startRecording } from 'nestjs-push/testing';
import { afterTest } from './support/cleanup.js';
import { freePort } from './support/free-port.js';
import { capturedLog, proxyTo, publishingOn, running } from './support/log-on-server.js';
import { keepAll, LogTrial } from './support/log-trial.js';
import { ServerProcess, startRedis, startSentinel } from './support/servers.js';
import { eventually } from './support/watched.js';

const at = (port: number, more: RedisBackplaneOptions = {}) =>
  redisBackplane({ url: `redis://127.0.0.1:${port}`, publishTimeout: 30_000, ...more });

const redis = (...args: Parameters<typeof startRedis>) => running(startRedis(...args));

/** Three nodes that publish and read through `port`. */
const publishing = (port: number) => publishingOn(() => at(port));

function admin(port: number): Redis {
  const client = new Redis(port);
  afterTest(() => client.disconnect());
  return client;
}

beforeAll(() => Logger.overrideLogger(false));

describe('Redis: what a server can lose', () => {
  it('tells every node of another log after FLUSHALL', async () => {
    const server = await redis();
    const trial = await publishing(server.port);
    await admin(server.port).flushall();
    await trial.untilMore(200);
    await trial.settle();
    trial.checkReplaced();
  });

  it('tells every node of another log after a restart with an older snapshot', async () => {
    const server = await redis();
    const trial = await publishing(server.port);
    await admin(server.port).save();
    await trial.untilMore(200);
    await server.kill();
    await server.start();
    await trial.untilMore(200);
    await trial.settle();
    trial.checkReplaced();
  });

  it('notices FLUSHALL though nobody publishes', async () => {
    const server = await redis();
    const { backplane, tail } = await startRecording(at(server.port), keepAll);
    afterTest(() => backplane.close());
    await backplane.append({ topic: 'a', data: '1' });
    await admin(server.port).flushall();
    await tail.until(({ opened }) => opened.length === 2);
    expect(tail.opened[1]!.epoch).not.toBe(tail.opened[0]!.epoch);
  });

  it('keeps everything over a failover to a replica that has everything', async () => {
    const first = await redis();
    const second = await redis('none', ['--replicaof', `127.0.0.1 ${first.port}`]);
    const proxy = await proxyTo(first.port);
    const trial = await publishing(proxy.port);
    // The network to the first server is cut, what it has is replicated, then the second one takes its place.
    proxy.refuse();
    const replica = admin(second.port);
    const { offset } = await replicationOf(admin(first.port));
    while ((await replicationOf(replica)).offset < offset);
    await replica.replicaof('NO', 'ONE');
    proxy.redirect(second.port);
    proxy.heal();
    await trial.untilMore(200);
    await trial.settle();
    trial.checkComplete();
  });

  it('tells every node of another log after a failover to a replica that lacks acknowledged events', async () => {
    const first = await redis();
    const replication = await proxyTo(first.port);
    const second = await redis('none', ['--replicaof', `127.0.0.1 ${replication.port}`]);
    const proxy = await proxyTo(first.port);
    const trial = await publishing(proxy.port);
    const replica = admin(second.port);
    const { offset } = await replicationOf(admin(first.port));
    while ((await replicationOf(replica)).offset < offset);
    replication.refuse();
    await trial.untilMore(200);
    await first.kill();
    await replica.replicaof('NO', 'ONE');
    proxy.redirect(second.port);
    await trial.untilMore(200);
    await trial.settle();
    trial.checkReplaced();
    // Numbers of lost events are not given again: no position of the old log means another event in the new one.
    const [before, after] = trial.nodes[0]!.tail.opened as [Position, Position];
    const highest = (epoch: string) =>
      Math.max(...[...trial.acknowledged.keys()].filter((id) => id.startsWith(epoch)).map(sequenceOf));
    const lowest = Math.min(
      ...[...trial.acknowledged.keys()].filter((id) => id.startsWith(after.epoch)).map(sequenceOf),
    );
    expect(lowest).toBeGreaterThan(highest(before.epoch));
  });

  it.each(['options', 'client'] as const)('follows a failover of Sentinel, set up by its %s', async (by) => {
    const first = await redis();
    const second = await redis('none', ['--replicaof', `127.0.0.1 ${first.port}`]);
    const sentinel = await startSentinel('push', first.port);
    afterTest(() => sentinel.dispose());
    const options = { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'push' };
    const client = new Redis({ ...options, lazyConnect: true });
    const trial = new LogTrial();
    afterTest(() => trial.end());
    const patient = { publishTimeout: 30_000 };
    for (let i = 0; i < 3; i++)
      await trial.join(redisBackplane(by === 'options' ? { options, ...patient } : { client, ...patient }));
    expect(client.status).toBe('wait');
    trial.publish();
    await trial.untilMore(200);
    await first.kill();
    await trial.untilMore(200);
    await trial.settle();
    // The replica may lack what was acknowledged last: then there is another log, and everyone is told.
    trial.check();
    const epochs = trial.nodes.map(({ tail }) => tail.opened.map(({ epoch }) => epoch));
    expect(epochs).toEqual(Array(3).fill(epochs[0]));
    expect((await replicationOf(admin(second.port))).offset).toBeGreaterThan(0);
  });

  it('leaves a server that becomes a replica', async () => {
    const first = await redis();
    const second = await redis('none', ['--replicaof', `127.0.0.1 ${first.port}`]);
    const proxy = await proxyTo(first.port);
    const trial = await publishing(proxy.port);
    await admin(second.port).replicaof('NO', 'ONE');
    proxy.pointTo(second.port);
    await admin(first.port).replicaof('127.0.0.1', second.port);
    await trial.untilMore(200);
    await trial.settle();
    trial.check();
  });
});

describe('Redis: a reader that falls behind', () => {
  it('skips what left the feed, and finds it in the history', async () => {
    const server = await redis();
    const writer = await startRecording(at(server.port, { feedLength: 200 }), keepAll);
    afterTest(() => writer.backplane.close());
    const slow = await startRecording(at(server.port), keepAll);
    afterTest(() => slow.backplane.close());
    let release!: () => void;
    slow.tail.congestion = new Promise<void>((resolve) => (release = resolve));
    const append = (n: number) => writer.backplane.append({ topic: `t.${n % 5}`, data: `${n}` });
    const first = await append(0);
    await slow.tail.until(({ events }) => events.length > 0);
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => append(n + 1)));
    // What it does not take stays in the log, and not in its memory.
    expect(slow.tail.events.length).toBeLessThan(600);
    slow.tail.congestion = undefined;
    release();
    const last = await append(2_001);
    await slow.tail.until(({ events }) => events.at(-1)?.sequence === last.sequence);
    expect(slow.tail.opened).toHaveLength(1);
    expect(slow.tail.skipped).toHaveLength(1);
    const [skipped] = slow.tail.skipped as [number];
    const behind = slow.tail.events.findLast(({ sequence }) => sequence <= skipped)!.sequence;
    const query = { topics: ['t.*'], after: behind, through: skipped, limit: 5_000 };
    const { events, lost } = await slow.backplane.history!.page(query);
    const sequences = [...slow.tail.events, ...events].map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(sequences).toEqual(Array.from({ length: 2_002 }, (_, n) => first.sequence + n));
    expect([...lost]).toEqual([]);
  });
});

describe('Redis: what is not stored', () => {
  it('is heard again after a network that was cut, by connections that subscribe by nobody but the backplane', async () => {
    const server = await redis();
    const proxy = await proxyTo(server.port);
    const made: Redis[] = [];
    const connect = () => {
      made.push(new Redis(proxy.port));
      return made.at(-1)!;
    };
    const [cut, other] = [
      await startRecording(redisBackplane({ connect }), keepAll),
      await startRecording(at(server.port), keepAll),
    ];
    for (const { backplane } of [cut, other]) afterTest(() => backplane.close());
    for (let times = 1; times <= 3; times++) {
      proxy.reset();
      await eventually(async () => {
        await other.backplane.control(`${times}`);
        return cut.tail.messages.includes(`${times}`);
      });
    }
    expect(made).toHaveLength(3);
    // ioredis handles no failure of what it subscribes to by itself: that would end the process.
    expect(made.map(({ options }) => options.autoResubscribe)).toEqual([false, false, false]);
  });
});

describe('Redis: a server that is away', () => {
  it('starts without it, says so once, and begins when it comes', async () => {
    const lines = capturedLog();
    const port = await freePort();
    const backplane = at(port);
    afterTest(() => backplane.close());
    const tail = new RecordingTail();
    backplane.start(tail, keepAll);
    const early = [backplane.append({ topic: 'a', data: '1' }), backplane.append({ topic: 'a', data: '2' })];
    const health = await backplane.health();
    expect(health.ready).toBe(false);
    expect(health.detail).toContain('ECONNREFUSED');
    expect(lines).toEqual([expect.stringMatching(/^Redis cannot be used .*ECONNREFUSED/)]);
    const server = await ServerProcess.start(
      () => ['redis-server', '--port', `${port}`, '--save', ''],
      async () => (await backplane.health()).ready,
    );
    afterTest(() => server.dispose());
    await Promise.all(early);
    // Its three connections come back one after the other.
    await eventually(() => lines.length > 1);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^Redis is back after \d+ ms/);
  });

  it('closes at once while it is away', async () => {
    const lines = capturedLog();
    const backplane = at(await freePort());
    backplane.start(new RecordingTail(), keepAll);
    const append = backplane.append({ topic: 'a', data: '1' });
    while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const began = performance.now();
    await Promise.all([backplane.close(), expect(append).rejects.toMatchObject({ code: 'CLOSED' })]);
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  it('lets publishing wait within bounds, then rejects it so that it can be tried again', async () => {
    const server = await redis();
    // In milliseconds: by then the reason is known.
    const publishTimeout = 5_000;
    const limits = { publishTimeout, maxWaiting: 100, maxWaitingBytes: 100_000 };
    const { backplane } = await startRecording(at(server.port, limits), keepAll);
    afterTest(() => backplane.close());
    await server.kill();
    const large = backplane.append({ topic: 'a', data: JSON.stringify('x'.repeat(100_001)) });
    await expect(large).rejects.toThrow('maxWaitingBytes');
    const results = await Promise.allSettled(
      Array.from({ length: 101 }, (_, n) =>
        backplane.append({ topic: 'a', data: `${n}`, messageId: `m${n}` }),
      ),
    );
    const errors = results.map((result) => (result as PromiseRejectedResult).reason as PushError);
    expect(errors.every((error) => error instanceof PushError && error.retryable)).toBe(true);
    expect(errors[100]!.message).toContain('maxWaiting');
    expect(errors[0]!.message).toMatch(/within 5000 ms \(Redis cannot be used/);
    await expect(backplane.sendEphemeral({ topic: 'a', data: '1' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await expect(backplane.control('x')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await server.start();
    // The connection comes back in its own time.
    const again = () => backplane.append({ topic: 'a', data: '1', messageId: 'm1' });
    await eventually(() => again().then(Boolean, ({ retryable }: PushError) => !retryable));
    await expect(again()).resolves.toBeDefined();
  });
});

async function replicationOf(client: Redis): Promise<{ offset: number }> {
  const info = await client.info('replication');
  return { offset: Number(/(?:slave|master)_repl_offset:(\d+)/.exec(info)?.[1] ?? -1) };
}

function sequenceOf(id: string): number {
  return Number(id.split('-')[1]);
}
