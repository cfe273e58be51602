import { Logger } from '@nestjs/common';
import { EventBus, PushModule, type Backplane, type StreamMessage } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { lastValueFrom, toArray } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { openSse, type SseReader } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

/*
 * Finite topics over several nodes and real servers: the node that a client is on need not be the one that ends a topic, nor have
 * been there when it ended.
 */

const patient = { publishTimeout: 30_000 };

const kinds: [string, () => Promise<ServerProcess>, (port: number) => Backplane][] = [
  [
    'Redis',
    () => startRedis('aof'),
    (port) => redisBackplane({ url: `redis://127.0.0.1:${port}`, ...patient }),
  ],
  ['NATS', startNats, (port) => natsBackplane({ servers: `127.0.0.1:${port}`, ...patient })],
  ['Postgres', () => startPostgres(), (port) => postgresBackplane({ url: urlOf(port), ...patient })],
];

interface Node {
  readonly app: RunningApp;
  readonly bus: EventBus;
}

const said = ({ type, data }: StreamMessage) => [type, data];

/** The messages of a stream on a node, up to its end. */
const whole = async ({ bus }: Node, topic: string, from: 'earliest' | 'last' | 'now' = 'earliest') =>
  (await lastValueFrom(bus.stream(topic, { from }).pipe(toArray()))).map(said);

/** The data of the events that a client got. */
const wordsOf = ({ events }: SseReader) =>
  events
    .filter(({ type }) => type === 'message')
    .map(({ data }) => (JSON.parse(data) as { data: unknown }).data);

const isEnded = { code: 'ENDED', status: 410 };

beforeAll(() => Logger.overrideLogger(false));

describe.each(kinds)('A finite topic over nodes and %s', (_, startServer, backplane) => {
  let server: ServerProcess;
  beforeEach(async () => {
    server = await startServer();
    afterTest(() => server.dispose());
  });

  async function node(): Promise<Node> {
    const app = await startApp('express', {
      imports: [
        PushModule.forRoot({
          backplane: backplane(server.port),
          topics: [
            { pattern: 'runs.*', access: 'public', finite: true },
            { pattern: '>', access: 'public' },
          ],
        }),
      ],
    });
    return { app, bus: app.nest.get(EventBus) };
  }

  it('ends for every client, on whichever node, and for nodes that come later', async () => {
    const [one, two] = [await node(), await node()];
    const live = await openSse(two.app.url('/push/events?topic=runs.1'));
    const socket = await openWs(two.app.webSocketUrl());
    await socket.subscribe('runs.*');
    for (const word of ['Hel', 'lo']) await one.bus.publish('runs.1', word);
    await one.bus.end('runs.1', { result: 'Hello' });
    await live.untilEnd();
    const ended = ['push.ended', { topic: 'runs.1', reason: 'done' }];
    expect(wordsOf(live)).toEqual(['Hel', 'lo']);
    expect(live.events.at(-1)!.type).toBe('push.ended');
    await socket.next('ended');
    await expect(two.bus.publish('runs.1', 'late')).rejects.toMatchObject(isEnded);
    await expect(two.bus.end('runs.1')).rejects.toMatchObject(isEnded);
    const later = await node();
    for (const each of [one, two, later]) {
      expect(await whole(each, 'runs.1')).toEqual([[undefined, 'Hel'], [undefined, 'lo'], ended]);
      expect(await whole(each, 'runs.1', 'last')).toEqual([[undefined, 'Hello'], ended]);
      expect(await whole(each, 'runs.1', 'now')).toEqual([ended]);
    }
    const back = await openSse(later.app.url('/push/events?topic=runs.1'), {
      headers: { 'Last-Event-ID': live.events.find(({ data }) => data.includes('Hel'))!.id },
    });
    await back.untilEnd();
    expect(back.gaps).toEqual([]);
    expect(wordsOf(back)).toEqual(['lo']);
    expect(back.events.at(-1)!.type).toBe('push.ended');
  });

  it('begins again when any node forgets it, and has nothing of before for nodes that come later', async () => {
    const [one, two] = [await node(), await node()];
    await one.bus.publish('runs.1', 'before');
    await one.bus.end('runs.1', { reason: 'failed' });
    await two.bus.forget('runs.1');
    await one.bus.publish('runs.1', 'after');
    await two.bus.end('runs.1', { reason: 'cancelled' });
    // A node that has not read the removal yet still reads what was before it. This probe comes after it in the log.
    await eventually(async () => (await two.bus.health()).ready);
    const ended = ['push.ended', { topic: 'runs.1', reason: 'cancelled' }];
    for (const each of [await node(), two]) {
      const messages = await whole(each, 'runs.1');
      expect(messages.slice(-2)).toEqual([[undefined, 'after'], ended]);
      expect(messages.flat()).not.toContain('before');
      expect((await each.bus.history('runs.1')).events.map(({ data }) => data)).toEqual(['after']);
    }
  });

  it('has still ended when the server and all nodes were killed and come back', async () => {
    const one = await node();
    await one.bus.publish('runs.1', 'a');
    await one.bus.end('runs.1', { reason: 'failed' });
    await one.app.nest.close();
    await server.kill();
    await server.start();
    const two = await node();
    const ended = ['push.ended', { topic: 'runs.1', reason: 'failed' }];
    expect(await whole(two, 'runs.1', 'now')).toEqual([ended]);
    expect(await whole(two, 'runs.1')).toEqual([[undefined, 'a'], ended]);
    await expect(two.bus.publish('runs.1', 'late')).rejects.toMatchObject(isEnded);
  });
});
