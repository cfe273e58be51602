import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import type { Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import type { RecordedNode } from 'nestjs-push/testing';
import { cp, rm } from 'node:fs/promises';
import { afterTest } from './support/cleanup.js';
import { recordingOn, running } from './support/log-on-server.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';

/** A server whose disk can be copied and brought back. */
interface Kind {
  readonly name: string;
  start(): Promise<ServerProcess>;
  backplane(port: number): Backplane;
}

const publishTimeout = 60_000;

const kinds: Kind[] = [
  {
    name: 'Redis',
    start: () => startRedis('aof'),
    backplane: (port) => redisBackplane({ url: `redis://127.0.0.1:${port}`, publishTimeout }),
  },
  {
    name: 'NATS',
    start: () => startNats(),
    backplane: (port) => natsBackplane({ servers: `127.0.0.1:${port}`, publishTimeout }),
  },
  {
    name: 'Postgres',
    start: () => startPostgres(),
    backplane: (port) => postgresBackplane({ url: urlOf(port), publishTimeout }),
  },
];

const onNats = kinds[1]!.backplane;

beforeAll(() => Logger.overrideLogger(false));

/** Notes what a server that does not run has stored. Returns what brings that back; then it runs. */
async function saved(server: ServerProcess): Promise<() => Promise<void>> {
  const backup = `${server.directory}-backup`;
  afterTest(() => rm(backup, { recursive: true, force: true }));
  await cp(server.directory, backup, { recursive: true });
  return async () => {
    await server.wipe();
    await cp(backup, server.directory, { recursive: true });
    await server.start();
  };
}

const append = ({ backplane }: RecordedNode, topic = 'a') => backplane.append({ topic, data: '1' });

/** Resolves when a node is in another log than it began with. */
const inAnotherLog = ({ tail }: RecordedNode) => tail.until(({ opened }) => opened.length === 2);

describe.each(kinds)('$name: an event whose publisher hears late', ({ start, backplane }) => {
  it('has the id that it was delivered with, though another log has begun since', async () => {
    const server = await running(start());
    const proxy = await TcpProxy.start(server.port);
    afterTest(() => proxy.dispose());
    const [witness, publisher] = [
      await recordingOn(backplane(server.port)),
      await recordingOn(backplane(proxy.port)),
    ];
    await append(publisher);
    proxy.holdAnswers();
    const late = append(publisher, 'late');
    await witness.tail.until(({ events }) => events.at(-1)?.topic === 'late');
    await server.kill();
    proxy.refuse();
    const restore = await saved(server);
    await server.start();
    await append(witness);
    await server.kill();
    await restore();
    await inAnotherLog(witness);
    proxy.heal();
    const { epoch, sequence } = await late;
    const delivered = witness.tail.events.find(({ topic }) => topic === 'late')!;
    expect({ epoch, sequence }).toEqual({ epoch: delivered.epoch, sequence: delivered.sequence });
    const next = await append(publisher);
    expect(next.epoch).toBe(witness.tail.opened[1]!.epoch);
  });
});

describe('NATS: a reader that is further than where another log began', () => {
  it('reads that log from its beginning, though it meets a later mark first', async () => {
    const { port } = await running(startNats());
    const node = await recordingOn(onNats(port));
    for (let n = 0; n < 20; n++) await append(node);
    await node.tail.until(({ events }) => events.length === 20);
    const { epoch } = node.tail.opened[0]!;
    const start = node.tail.events[4]!.sequence;
    await jetstream(await connected(port)).publish('push.mark', `${epoch}_other ${start}`);
    await inAnotherLog(node);
    expect(node.tail.opened[1]).toEqual({ epoch: `${epoch}_other`, sequence: start });
    await node.tail.until(({ events }) => events.length === 20 + 15);
    const { sequence } = await append(node);
    await node.tail.until(({ events }) => events.at(-1)?.sequence === sequence);
    const read = node.tail.events.slice(20);
    expect(read.map((event) => event.epoch)).toEqual(read.map(() => `${epoch}_other`));
    expect(read.map((event) => event.sequence)).toEqual([
      ...node.tail.events.slice(5, 20).map((event) => event.sequence),
      sequence,
    ]);
    expect(node.tail.skipped).toEqual([]);
    expect(node.tail.opened).toHaveLength(2);
  });

  it('looks at the log again if the server is another one when it asks for a consumer', async () => {
    const [before, after] = [await running(startNats()), await running(startNats())];
    const proxy = await TcpProxy.start(before.port);
    afterTest(() => proxy.dispose());
    const first = await recordingOn(onNats(before.port));
    await append(first);
    await Promise.all([before.kill(), after.kill()]);
    await after.wipe();
    await cp(before.directory, after.directory, { recursive: true });
    await Promise.all([before.start(), after.start()]);
    for (let n = 0; n < 10; n++) await append(first);
    // The other one is behind, and has begun another log.
    const second = await recordingOn(onNats(after.port));
    const { epoch } = first.tail.opened[0]!;
    await jetstream(await connected(after.port)).publish('push.mark', `${epoch}_other`);
    await inAnotherLog(second);
    for (let n = 0; n < 20; n++) await append(second);

    let ask!: () => void;
    const isAsked = new Promise<void>((resolve) => (ask = resolve));
    const connection = await connected(proxy.port);
    const isBack = reconnected(connection);
    holdConsumers(connection, () => {
      ask();
      return isBack;
    });
    const reader = await recordingOn(natsBackplane({ connect: () => Promise.resolve(connection) }));
    await isAsked;
    proxy.redirect(after.port);
    const last = await append(second);
    await reader.tail.until(({ events }) => events.at(-1)?.sequence === last.sequence);
    const ids = second.tail.events.map(({ id }) => id);
    expect(reader.tail.events.map(({ id }) => id)).toEqual(ids);
  });
});

async function connected(port: number): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1 });
  afterTest(() => connection.close());
  return connection;
}

/** Resolves when a connection was lost and is back. */
async function reconnected(connection: NatsConnection): Promise<void> {
  for await (const { type } of connection.status()) if (type === 'reconnect') return;
}

/** Lets requests for consumers wait for what `hold` returns. */
function holdConsumers(connection: NatsConnection, hold: () => Promise<void>): void {
  const request = connection.request.bind(connection);
  connection.request = async (subject, ...rest) => {
    if (subject.startsWith('$JS.API.CONSUMER.CREATE.')) await hold();
    return request(subject, ...rest);
  };
}
