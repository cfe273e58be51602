import { Logger } from '@nestjs/common';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import type { Backplane, HistoryPage, HistoryQuery, LogEvent } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { startRecording } from 'nestjs-push/testing';
import type { Socket } from 'node:net';
import pg from 'pg';
import { afterTest } from './support/cleanup.js';
import { keepAll } from './support/log-trial.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis } from './support/servers.js';

/** Many events at once take their time on a busy machine. */
const patient = { publishTimeout: 60_000 };

/** What the node has asked of the server so far. */
interface Counted {
  readonly backplane: Backplane;
  /** Requests, and bytes that came back. */
  readonly asked: () => { requests: number; bytes: number };
}

async function countedRedis(): Promise<Counted> {
  const server = await startRedis();
  afterTest(() => server.dispose());
  let requests = 0;
  const clients: Redis[] = [];
  const backplane = redisBackplane({
    ...patient,
    connect: () => {
      const client = new Redis(server.port, {
        lazyConnect: true,
        enableOfflineQueue: false,
        maxRetriesPerRequest: null,
      });
      const send = client.sendCommand.bind(client);
      client.sendCommand = (command, stream) => {
        // Each node has its own reader, which asks whenever there is something, or two seconds have passed.
        if (!/^(xread|publish|subscribe)$/.test(command.name)) requests++;
        return send(command, stream);
      };
      clients.push(client);
      return client;
    },
  });
  const bytes = () =>
    clients.reduce((sum, { stream }) => sum + ((stream as { bytesRead?: number })?.bytesRead ?? 0), 0);
  return { backplane, asked: () => ({ requests, bytes: bytes() }) };
}

async function countedNats(): Promise<Counted> {
  const server = await startNats();
  afterTest(() => server.dispose());
  const connection = await connect({ servers: `127.0.0.1:${server.port}` });
  const backplane = natsBackplane({ ...patient, connect: () => Promise.resolve(connection) });
  const asked = () => {
    const { outMsgs, inBytes } = connection.stats();
    return { requests: outMsgs, bytes: inBytes };
  };
  return { backplane, asked };
}

async function countedPostgres(): Promise<Counted> {
  const server = await startPostgres();
  afterTest(() => server.dispose());
  let requests = 0;
  const clients: pg.Client[] = [];
  const backplane = postgresBackplane({
    ...patient,
    connect: (purpose) => {
      const client = new pg.Client({ connectionString: urlOf(server.port) });
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        // The others belong to the node's reader, which asks whenever there is something, to its publishing and its signals.
        if (purpose === 'asking' && !String(args[0]).includes('pg_notify')) requests++;
        return query(...args);
      }) as typeof client.query;
      clients.push(client);
      return client;
    },
  });
  const streamOf = (client: pg.Client) =>
    (client as unknown as { connection: { stream: Socket } }).connection.stream;
  const bytes = () => clients.reduce((sum, client) => sum + streamOf(client).bytesRead, 0);
  return { backplane, asked: () => ({ requests, bytes: bytes() }) };
}

beforeAll(() => Logger.overrideLogger(false));

/** What one page may take of this process, whatever else it does meanwhile, in milliseconds. */
const mostCpu = 500;

async function readPage(
  backplane: Backplane,
  query: HistoryQuery,
): Promise<{ page: HistoryPage; cpu: number }> {
  const before = process.cpuUsage();
  const page = await backplane.history!.page(query);
  const { user, system } = process.cpuUsage(before);
  return { page, cpu: (user + system) / 1_000 };
}

describe.each([
  ['Redis', countedRedis],
  ['NATS', countedNats],
  ['Postgres', countedPostgres],
])('A page of the history in %s', (_, start) => {
  /** Publishes to many topics, then reads everything that matches `patterns`. Returns what the dearest page took. */
  async function readAll(topics: number, patterns: string[], pad = 0) {
    const { backplane, asked } = await start();
    const { tail } = await startRecording(backplane, keepAll);
    afterTest(() => backplane.close());
    const data = JSON.stringify('x'.repeat(pad));
    const first = await backplane.append({ topic: 'news.legit', data });
    for (let n = 0; n < topics; n += 500)
      await Promise.all(
        Array.from({ length: Math.min(500, topics - n) }, (_, i) =>
          backplane.append({ topic: `news.item.${n + i}.part`, data }),
        ),
      );
    const { sequence: end } = await backplane.append({ topic: 'news.legit', data });
    await tail.until(({ events }) => events.at(-1)?.sequence === end);
    const events: LogEvent[] = [];
    const dearest = { requests: 0, bytes: 0, cpu: 0, pages: 0 };
    for (let after = first.sequence - 1; after < end; dearest.pages++) {
      const before = asked();
      const query = { topics: patterns, after, through: end, limit: 1_000 };
      const { page, cpu } = await readPage(backplane, query);
      expect(page.through).toBeGreaterThan(after);
      expect([...page.lost]).toEqual([]);
      events.push(...page.events);
      after = page.through;
      dearest.requests = Math.max(dearest.requests, asked().requests - before.requests);
      dearest.bytes = Math.max(dearest.bytes, asked().bytes - before.bytes);
      // Garbage that the tests before have left may be collected meanwhile: not twice.
      const again = cpu > mostCpu ? (await readPage(backplane, query)).cpu : cpu;
      dearest.cpu = Math.max(dearest.cpu, Math.min(cpu, again));
    }
    return { ...dearest, topics: events.map(({ topic }) => topic) };
  }

  const nothing = Array.from({ length: 254 }, (_, n) => `news.*.*.q${n}`);

  it('takes a bounded number of requests and bytes, however many wildcards look at however many topics', async () => {
    const { requests, bytes, cpu, pages, topics } = await readAll(4_000, [...nothing, 'news.legit']);
    expect(topics).toEqual(['news.legit', 'news.legit']);
    expect(requests).toBeLessThanOrEqual(40);
    expect(bytes).toBeLessThan(3_000_000);
    expect(cpu).toBeLessThan(mostCpu);
    expect(pages).toBeLessThanOrEqual(10);
  });

  it('takes no more where the topics have nothing in common', async () => {
    const apart = Array.from({ length: 254 }, (_, n) => `a${n}.*.q`);
    const { requests, topics } = await readAll(2_000, [...apart, '*.legit']);
    expect(topics).toEqual(['news.legit', 'news.legit']);
    expect(requests).toBeLessThanOrEqual(40);
  });

  it('ends where it has come when events are large, and the next one goes on', async () => {
    const { bytes, pages, topics } = await readAll(300, ['news.>'], 30_000);
    expect(topics).toHaveLength(302);
    expect(bytes).toBeLessThan(4_000_000);
    expect(pages).toBeGreaterThan(2);
  });

  it('is complete where more topics match than are looked at together', async () => {
    const { topics } = await readAll(2_500, ['news.item.*.part']);
    expect(new Set(topics).size).toBe(2_500);
    expect(topics).toHaveLength(2_500);
  });
});
