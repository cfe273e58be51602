import { Logger } from '@nestjs/common';
import { RecordingTail } from 'nestjs-push/testing';
import { cp, rm } from 'node:fs/promises';
import { afterTest } from './support/cleanup.js';
import { freePort } from './support/free-port.js';
import { capturedLog } from './support/log-on-server.js';
import { keepAll } from './support/log-trial.js';
import { admin, at, nats, node, publishing } from './support/nats-log.js';
import { startNats } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

beforeAll(() => Logger.overrideLogger(false));

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
