import { afterTest } from './support/cleanup.js';
import { Crowd } from './support/crowd.js';
import { NewsProcess } from './support/news-process.js';
import { eventually } from './support/watched.js';

/** A time limit for what moves thousands of clients. */
const seconds = (count: number) => count * 1_000;

async function startWithCrowd(size: number, options: object): Promise<{ server: NewsProcess; crowd: Crowd }> {
  const server = await NewsProcess.start(options);
  const crowd = new Crowd(server.port, size);
  afterTest(() => crowd.drop(true));
  await crowd.connect();
  return { server, crowd };
}

describe('A storm', () => {
  it(
    'of 10,000 clients that are dropped at once: all are back and replayed, while publishing goes on',
    async () => {
      const { server, crowd } = await startWithCrowd(10_000, { platform: 'fastify' });
      const publish = (count: number) => server.ask('publish', { topic: 'news.a', count });
      // The test's events are numbered through by the server, from 0 for each call: one call for each phase.
      await publish(10);
      await crowd.until(() => crowd.events === 10 * 10_000);
      crowd.drop();
      await crowd.until(() => crowd.closed === 10_000);
      await eventually(async () => (await server.ask<{ connections: number }>('stats')).connections === 0);
      for (const reader of crowd.readers) reader.next = 0;
      await publish(100);
      const began = performance.now();
      await crowd.connect();
      await crowd.until(() => crowd.events === 110 * 10_000);
      console.log(`10,000 clients back and replayed after ${Math.round(performance.now() - began)} ms`);
      for (const reader of crowd.readers) reader.next = 0;
      await publish(10);
      await crowd.until(() => crowd.events === 120 * 10_000);
      expect(crowd.faults).toEqual({ outOfOrder: 0, gaps: 0 });
      expect(await server.ask('stats')).toMatchObject({ connections: 10_000, behind: 0 });
    },
    seconds(120),
  );
});

describe('A second signal', () => {
  it(
    'ends a shutdown that would still wait',
    async () => {
      const server = await NewsProcess.start({ push: { shutdownTimeout: 60_000 } });
      const crowd = new Crowd(server.port, 1);
      afterTest(() => crowd.drop(true));
      await crowd.connect();
      // Events that the client does not take keep its stream from ending.
      crowd.readers[0]!.socket!.pause();
      await server.ask('publish', { topic: 'news.a', count: 400, size: 200_000 });
      server.child.process.kill('SIGTERM');
      await eventually(() =>
        fetch(`http://127.0.0.1:${server.port}/push/events?topic=news.a`).then(
          ({ status }) => status === 503,
        ),
      );
      expect(server.child.exit).toBeUndefined();
      server.child.process.kill('SIGTERM');
      await server.child.untilExit();
    },
    seconds(120),
  );
});

describe('A client that vanishes without a word', () => {
  it(
    'is gone within two intervals, on both transports',
    async () => {
      // In a network of its own, which then goes away: nothing arrives any more, in either direction, and nobody says so.
      const vanish = [
        'unshare',
        '--map-root-user',
        '--net',
        'sh',
        '-c',
        'ip link set lo up && exec "$@"',
        'sh',
      ];
      const server = await NewsProcess.start({ push: { heartbeat: 2_000 }, vanish: true }, vanish);
      const { before, after, milliseconds } = await server.ask<{
        before: number;
        after: number;
        milliseconds: number;
      }>('vanish');
      expect({ before, after }).toEqual({ before: 2, after: 0 });
      expect(milliseconds).toBeLessThan(2 * 2_000 + 500);
    },
    seconds(120),
  );
});
