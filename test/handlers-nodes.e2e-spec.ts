import { redisBackplane } from 'nestjs-push/redis';
import { GroupNode } from './support/group-nodes.js';
import { GroupTrial, type Order } from './support/group-trial.js';
import { startRedis, type ServerProcess } from './support/servers.js';

/** So many that a node waits with many of them at a time. */
const topicCount = 2_000;

describe('Groups of handlers in three processes', () => {
  let server: ServerProcess;
  beforeAll(async () => void (server = await startRedis()));
  afterAll(() => server.dispose());

  it('handle 10,000 events at least once and in order, although handlers throw and hang, a node dies and one leaves', async () => {
    const backplane = redisBackplane({ url: `redis://127.0.0.1:${server.port}` });
    const publisher = await GroupNode.start(backplane, [], { groups: true });
    const trial = new GroupTrial('Redis', server.port);
    await trial.start('one', 'two', 'three');
    const topics = new Map(Array.from({ length: topicCount }, (_, index) => [`orders.${index}`, 0]));
    const publish = async (count: number, doing: (index: number) => Order['does']) => {
      const publications = Array.from({ length: count }, (_, index) => {
        const topic = `orders.${index % topicCount}`;
        const number = topics.get(topic)!;
        topics.set(topic, number + 1);
        return { topic, data: { number, does: doing(index) } satisfies Order };
      });
      await publisher.bus.publishMany(publications);
    };
    const faulty = (index: number) => (index % 97 === 0 ? 'throw' : index % 1_999 === 0 ? 'hang' : undefined);
    await publish(topicCount, () => 'throw');
    await publish(4_000, faulty);
    // The node that gets the first of these dies of it, and another one handles it.
    await publish(400, (index) => (index % 3 === 0 ? 'die two' : undefined));
    await trial.nodes.get('two')!.untilExit();
    await publish(1_600, faulty);
    await trial.start('four');
    await trial.stop('three');
    await publish(2_000, faulty);
    await trial.untilHandled(10_000);
    expect(trial.faults(topics, 'two')).toEqual([]);
    expect(trial.warnings()).toEqual([]);
    expect(new Set(trial.handled().map(({ node }) => node))).toEqual(
      new Set(['one', 'two', 'three', 'four']),
    );
    expect(await publisher.letters.list('billing')).toEqual([]);
  });
});
