import { Cluster, Redis } from 'ioredis';
import { natsBackplane } from 'nestjs-push/nats';
import { redisBackplane } from 'nestjs-push/redis';
import { describeBackplane } from 'nestjs-push/testing';
import { startNats, startRedis, startRedisCluster, type ServerProcess } from './support/servers.js';

describe('Redis', () => {
  let server: ServerProcess;
  let logs = 0;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.dispose());

  describeBackplane(
    'redisBackplane({ url })',
    () => {
      const prefix = `push-${++logs}`;
      return { node: () => redisBackplane({ url: `redis://127.0.0.1:${server.port}`, prefix }) };
    },
    { state: true, ends: true },
  );

  describeBackplane(
    'redisBackplane({ connect })',
    () => {
      const prefix = `push-${++logs}`;
      return { node: () => redisBackplane({ connect: () => new Redis(server.port), prefix }) };
    },
    { state: true, ends: true },
  );
});

describe('Redis Cluster', () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  let client: Cluster;
  let logs = 0;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster([{ host: '127.0.0.1', port: cluster.nodes[0]!.port }], { lazyConnect: true });
  });
  afterAll(() => cluster.dispose());

  describeBackplane(
    'redisBackplane({ client })',
    () => {
      const prefix = `push-${++logs}`;
      return { node: () => redisBackplane({ client, prefix }) };
    },
    { state: true, ends: true },
  );
});

describe('NATS', () => {
  let server: ServerProcess;
  let logs = 0;
  beforeAll(async () => {
    server = await startNats();
  });
  afterAll(() => server.dispose());

  describeBackplane(
    'natsBackplane({ servers })',
    () => {
      const stream = `push-${++logs}`;
      return { node: () => natsBackplane({ servers: `127.0.0.1:${server.port}`, stream }) };
    },
    { state: true, ends: true },
  );
});
