import { createCertificate } from '../src/certificate.js';
import { afterTest } from './support/cleanup.js';
import { Crowd } from './support/crowd.js';
import { Http2Crowd } from './support/http2-crowd.js';
import { NewsProcess, type NewsOptions } from './support/news-process.js';
import { eventually } from './support/watched.js';

/** A time limit for what moves thousands of clients. */
const seconds = (count: number) => count * 1_000;

/** All clients of these tests have one. */
const boundless = { perSecond: 1e12, burst: 1e12 };
const oneAddress = { connectionsPerAddress: 20_000, work: boundless, subscribe: boundless };

async function startWithCrowd(
  size: number,
  options: NewsOptions,
): Promise<{ server: NewsProcess; crowd: Crowd }> {
  const server = await NewsProcess.start({ ...options, push: { limits: oneAddress, ...options.push } });
  const crowd = new Crowd(server.port, size);
  afterTest(() => crowd.drop(true));
  await crowd.connect();
  return { server, crowd };
}

describe('A shutdown with 5,000 clients', () => {
  it.each(['express', 'fastify'] as const)(
    'on %s is done within its time, while events still reach those who are not yet sent away',
    async (platform) => {
      const { server, crowd } = await startWithCrowd(5_000, { platform, signals: false });
      await server.ask('feed', { topic: 'news.a', perSecond: 20 });
      await crowd.until(() => crowd.events >= 5_000);
      crowd.isOver = true;
      const { milliseconds } = await server.ask<{ milliseconds: number }>('close');
      expect(milliseconds).toBeLessThan(5_500);
      await crowd.until(() => crowd.closed === 5_000);
      // Each has what came until it was sent away, in order: some more than others.
      const counts = crowd.readers.map(({ next }) => next);
      expect(Math.max(...counts)).toBeGreaterThan(Math.min(...counts));
      expect(crowd.faults).toEqual({ outOfOrder: 0, gaps: 0 });
      await server.child.untilExit();
    },
    seconds(120),
  );

  it(
    'over HTTP/2, by a signal, ends streams and sessions, and the process, within its time',
    async () => {
      const server = await NewsProcess.start({ platform: 'h2', push: { limits: oneAddress } });
      const crowd = new Http2Crowd(server.port, 50, 100);
      afterTest(() => crowd.drop());
      await crowd.connect();
      const began = performance.now();
      server.child.process.kill('SIGTERM');
      await server.child.untilExit();
      expect(performance.now() - began).toBeLessThan(6_500);
      await crowd.until(() => crowd.ended === 5_000 && crowd.goneAway === 50);
    },
    seconds(120),
  );
});

describe('A second signal', () => {
  it(
    'ends a shutdown that would still wait',
    async () => {
      const { server, crowd } = await startWithCrowd(1, { push: { shutdownTimeout: 60_000 } });
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

describe('Clients that vanish without a word', () => {
  it.each<[string, 'express' | 'h2', number]>([
    ['HTTP/1.1', 'express', 2],
    ['TLS and HTTP/2', 'h2', 3],
  ])(
    'are gone within two intervals, on both transports, over %s',
    async (_, platform, clients) => {
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
      const tls = platform === 'h2' ? await createCertificate() : undefined;
      const server = await NewsProcess.start({ platform, tls, push: { heartbeat: 2_000 } }, vanish);
      const { before, after, milliseconds } = await server.ask<{
        before: number;
        after: number;
        milliseconds: number;
      }>('vanish');
      expect({ before, after }).toEqual({ before: clients, after: 0 });
      // 3.7 seconds at most, and some for a busy machine.
      expect(milliseconds).toBeLessThan(2 * 2_000 + 1_500);
    },
    seconds(120),
  );
});

describe('A storm', () => {
  it(
    'of 10,000 clients that are dropped at once: all are back, with everything once, while publishing goes on',
    async () => {
      const { server, crowd } = await startWithCrowd(10_000, { platform: 'fastify' });
      await server.ask('feed', { topic: 'news.a', perSecond: 5 });
      await crowd.until(() => crowd.events >= 10_000);
      await server.ask('stats');
      crowd.comesBack = true;
      crowd.drop();
      const began = performance.now();
      await crowd.until(() => crowd.closed === 10_000 && crowd.open === 10_000);
      const took = performance.now() - began;
      const { longestBlock } = await server.ask<{ longestBlock: number }>('stats');
      const { count } = await server.ask<{ count: number }>('endFeed');
      await crowd.until(() => crowd.events >= 10_000 * count);
      expect(crowd.faults).toEqual({ outOfOrder: 0, gaps: 0 });
      expect(crowd.events).toBe(10_000 * count);
      expect(crowd.readers.every(({ visits }) => visits === 2)).toBe(true);
      // Whatever the machine: nobody has to wait for most of the storm.
      expect(longestBlock).toBeLessThan(took / 2);
      expect(await server.ask('stats')).toMatchObject({ connections: 10_000, lagging: 0, gaps: 0 });
    },
    seconds(120),
  );
});
