import { afterTest } from './support/cleanup.js';
import { Crowd } from './support/crowd.js';
import { NewsProcess } from './support/news-process.js';
import { eventually } from './support/watched.js';

/** A time limit for what moves thousands of clients. */
const seconds = (count: number) => count * 1_000;

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
      const server = await NewsProcess.start({ push: { heartbeat: 2_000 } }, vanish);
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
