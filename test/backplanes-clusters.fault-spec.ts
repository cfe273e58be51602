import { jest } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';
import { natsBackplane } from 'nestjs-push/nats';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { LogTrial } from './support/log-trial.js';
import { startNatsCluster, startRedisCluster, type ServerProcess } from './support/servers.js';
import { together } from './support/together.js';

jest.setTimeout(150_000);

beforeAll(() => Logger.overrideLogger(false));

function trialOn(): LogTrial {
  const trial = new LogTrial();
  afterTest(() => trial.end());
  return trial;
}

/** A node of a Redis Cluster, and its id there. */
interface Member {
  readonly client: Redis;
  readonly port: number;
  readonly id: string;
}

async function memberOf({ port }: ServerProcess): Promise<Member> {
  const client = new Redis(port);
  afterTest(() => client.disconnect());
  return { client, port, id: (await client.cluster('MYID')) as string };
}

/** Moves a slot and what it has from one node to another, as `redis-cli --cluster reshard` does. */
async function moveSlot(slot: number, source: Member, target: Member, members: Member[]): Promise<void> {
  await target.client.cluster('SETSLOT', slot, 'IMPORTING', source.id);
  await source.client.cluster('SETSLOT', slot, 'MIGRATING', target.id);
  for (;;) {
    const keys = (await source.client.cluster('GETKEYSINSLOT', slot, 1_000)) as string[];
    if (keys.length === 0) break;
    await source.client.migrate('127.0.0.1', target.port, '', 0, 5_000, 'KEYS', ...keys);
  }
  const others = members.filter((member) => member !== target);
  for (const { client } of [target, ...others]) await client.cluster('SETSLOT', slot, 'NODE', target.id);
}

async function redisCluster(): Promise<void> {
  const cluster = await startRedisCluster();
  afterTest(() => cluster.dispose());
  const trial = trialOn();
  for (const { port } of cluster.nodes) {
    const client = new Cluster([{ host: '127.0.0.1', port }], { lazyConnect: true });
    await trial.join(redisBackplane({ client, publishTimeout: 30_000 }));
  }
  trial.publish();
  await trial.untilMore(200);
  const members = await Promise.all(cluster.nodes.map(memberOf));
  const sizes = () => Promise.all(members.map(({ client }) => client.dbsize()));
  const withKeys = (await sizes()).flatMap((size, index) => (size > 0 ? [index] : []));
  expect(withKeys).toHaveLength(1);
  const [from, to] = [withKeys[0]!, (withKeys[0]! + 1) % 3];
  const slot = Number(await members[0]!.client.cluster('KEYSLOT', '{push}'));
  await moveSlot(slot, members[from]!, members[to]!, members);
  await trial.untilMore(200);
  await trial.settle();
  trial.checkComplete();
  expect((await sizes()).map((size) => size > 0)).toEqual([0, 1, 2].map((index) => index === to));
}

async function natsCluster(): Promise<void> {
  const { servers, metaLeader } = await startNatsCluster();
  afterTest(() => Promise.all(servers.map((server) => server.dispose())));
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const trial = trialOn();
  for (let i = 0; i < 3; i++) {
    // Each begins with another server.
    const order = [...addresses.slice(i), ...addresses.slice(0, i)];
    const connection = { noRandomize: true };
    await trial.join(natsBackplane({ servers: order, connection, replicas: 3, publishTimeout: 60_000 }));
  }
  trial.publish();
  await trial.untilMore(200);
  const connection = await connect({ servers: addresses, maxReconnectAttempts: -1 });
  afterTest(() => connection.close());
  const { streams } = await jetstreamManager(connection);
  const { cluster, config } = await streams.info('push');
  expect(config.num_replicas).toBe(3);
  const leader = Number(cluster!.leader!.slice(1));
  const follower = [0, 1, 2].find((index) => index !== leader && index !== metaLeader)!;
  await servers[follower]!.kill();
  await trial.untilMore(300);
  await servers[follower]!.start();
  await trial.untilMore(100);
  await servers[leader]!.kill();
  await trial.untilMore(300);
  // A server that is gone may be given a reader's consumer, again and again, until the others are sure of it.
  await trial.settle(70_000);
  trial.checkComplete();
}

it('keep everything that a log in a cluster was given', async () => {
  const failures = await together(
    { 'Redis Cluster of three nodes, whose slot moves from one to another': redisCluster },
    { 'NATS with three replicas, of which a follower and then the leader are killed': natsCluster },
  );
  expect(failures).toEqual([]);
});
