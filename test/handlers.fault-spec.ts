import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { PushError } from 'nestjs-push';
import { GroupNode } from './support/group-nodes.js';
import { GroupTrial, type Order } from './support/group-trial.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { eventually } from './support/watched.js';

const topicCount = 50;

const kinds = [
  {
    kind: 'Redis',
    startServer: () => startRedis('aof'),
    node: (port: number) => redisBackplane({ url: `redis://127.0.0.1:${port}` }),
  },
  {
    kind: 'NATS',
    startServer: () => startNats(),
    node: (port: number) => natsBackplane({ servers: `127.0.0.1:${port}` }),
  },
  {
    kind: 'Postgres',
    startServer: () => startPostgres(),
    node: (port: number) => postgresBackplane({ url: urlOf(port) }),
  },
];

describe.each(kinds)('Groups of handlers over $kind', ({ kind, startServer, node }) => {
  let server: ServerProcess;
  beforeEach(async () => void (server = await startServer()));
  afterEach(() => server.dispose());

  it('handle every event in order, although the server is killed twice, and a node meanwhile', async () => {
    const publisher = await GroupNode.start(node(server.port), [], { groups: true });
    const trial = new GroupTrial(kind, server.port);
    await trial.start('one', 'two', 'three');
    const topics = new Map(Array.from({ length: topicCount }, (_, index) => [`orders.${index}`, 0]));
    /** Publishes an event, again and again, until it is stored: once. */
    const publish = async (topic: string, does?: Order['does']) => {
      const number = topics.get(topic)!;
      topics.set(topic, number + 1);
      for (;;) {
        try {
          await publisher.bus.publish(topic, { number, does }, { messageId: `${topic}.${number}` });
          return;
        } catch (error) {
          if (!(error instanceof PushError && error.code === 'UNAVAILABLE')) throw error;
        }
      }
    };
    const publishAll = async (rounds: number, does?: Order['does']) => {
      for (let round = 0; round < rounds; round++)
        await Promise.all([...topics.keys()].map((topic) => publish(topic, does)));
    };
    await publishAll(10);
    for (const dies of [false, true]) {
      const publishing = publishAll(20, dies ? 'die two' : undefined);
      await server.kill();
      await eventually(async () => !(await publisher.bus.health()).ready);
      await server.start();
      await publishing;
    }
    await publishAll(10);
    const expected = [...topics.values()].reduce((sum, count) => sum + count, 0);
    await trial.untilHandled(expected);
    expect(trial.faults(topics, 'two')).toEqual([]);
    expect(trial.warnings()).toEqual([]);
  });
});
