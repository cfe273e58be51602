import { Logger } from '@nestjs/common';
import type { Backplane } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { setTimeout as delay } from 'node:timers/promises';
import { LogTrial } from './support/log-trial.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';

Logger.overrideLogger(false);

/** What is done to each kind of server. */
interface Kind {
  readonly name: string;
  readonly startServer: () => Promise<ServerProcess>;
  /** A backplane that waits long for its server, at `port`. */
  readonly backplane: (port: number) => Backplane;
}

const kinds: Kind[] = [
  {
    name: 'Redis',
    startServer: () => startRedis('aof'),
    backplane: (port) => redisBackplane({ url: `redis://127.0.0.1:${port}`, publishTimeout: 30_000 }),
  },
  {
    name: 'NATS',
    startServer: () => startNats(),
    backplane: (port) => natsBackplane({ servers: `127.0.0.1:${port}`, publishTimeout: 30_000 }),
  },
  {
    name: 'Postgres',
    startServer: () => startPostgres(),
    backplane: (port) => postgresBackplane({ url: urlOf(port), publishTimeout: 30_000 }),
  },
];

describe.each(kinds)('$name, hurt while three nodes publish and read', ({ startServer, backplane }) => {
  let server: ServerProcess;
  let proxies: TcpProxy[];
  let trial: LogTrial;

  beforeEach(async () => {
    server = await startServer();
    proxies = [];
    trial = new LogTrial();
    for (let i = 0; i < 3; i++) {
      const proxy = await TcpProxy.start(server.port);
      proxies.push(proxy);
      await trial.join(backplane(proxy.port));
    }
    trial.publish();
    await trial.untilMore(300);
  });

  afterEach(async () => {
    console.log(`${expect.getState().currentTestName}: ${trial.describe()}`);
    await trial.end();
    await Promise.all(proxies.map((proxy) => proxy.dispose()));
    await server.dispose();
  });

  it('keeps everything over a SIGKILL of the server that has its data', async () => {
    for (let times = 0; times < 3; times++) {
      await server.kill();
      await server.start();
      await trial.untilMore(300);
    }
    await trial.settle();
    trial.checkComplete();
  });

  it('tells every node of another log after a SIGKILL of the server that loses its data', async () => {
    await server.kill();
    await server.wipe();
    await server.start();
    await trial.untilMore(300);
    await trial.settle();
    trial.checkReplaced();
  });

  it('keeps everything over a server that stands still', async () => {
    server.pause();
    await delay(5_000);
    server.resume();
    await trial.untilMore(300);
    await trial.settle();
    trial.checkComplete();
  });

  it('keeps everything over TCP resets', async () => {
    for (let times = 0; times < 10; times++) {
      proxies[times % 3]!.reset();
      await trial.untilMore(100);
    }
    await trial.settle();
    trial.checkComplete();
  });

  it('keeps everything over a silent network, and what happens to the server and the others meanwhile', async () => {
    proxies[0]!.blackhole();
    await trial.untilMore(300);
    await server.kill();
    proxies[1]!.refuse();
    await server.start();
    await trial.untilMore(100);
    proxies[1]!.heal();
    await trial.untilMore(300);
    proxies[0]!.heal();
    await trial.untilMore(300);
    await trial.settle();
    trial.checkComplete();
  });
});
