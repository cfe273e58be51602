import { Redis } from 'ioredis';
import { redisBackplane } from 'nestjs-push/redis';
import { describeBackplane } from 'nestjs-push/testing';
import { startRedis, type ServerProcess } from './support/servers.js';

describe('Redis', () => {
  let server: ServerProcess;
  let logs = 0;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.dispose());

  describeBackplane('redisBackplane({ url })', () => {
    const prefix = `push-${++logs}`;
    return { node: () => redisBackplane({ url: `redis://127.0.0.1:${server.port}`, prefix }) };
  });

  describeBackplane('redisBackplane({ connect })', () => {
    const prefix = `push-${++logs}`;
    return { node: () => redisBackplane({ connect: () => new Redis(server.port), prefix }) };
  });
});
