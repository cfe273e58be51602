import { afterTest } from './support/cleanup.js';
import { Crowd } from './support/crowd.js';
import { NewsProcess, type NewsOptions } from './support/news-process.js';
import { startRedis } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

/** Instances behind one port, as a load balancer has them. */
class Service {
  private constructor(
    private instances: NewsProcess[],
    readonly proxy: TcpProxy,
    private readonly options: NewsOptions,
  ) {}

  static async start(count: number, options: NewsOptions): Promise<Service> {
    const instances: NewsProcess[] = [];
    while (instances.length < count) instances.push(await NewsProcess.start(options));
    const proxy = await TcpProxy.start(0);
    afterTest(() => proxy.dispose());
    const service = new Service(instances, proxy, options);
    service.balance();
    return service;
  }

  /**
   * Starts another instance, sends new clients there, and ends the oldest with the signal that a deploy sends.
   *
   * @param isReady resolves when the new one may be relied on
   */
  async replaceOldest(isReady: () => Promise<void> = () => Promise.resolve()): Promise<NewsProcess> {
    const newest = await NewsProcess.start(this.options);
    const [oldest, ...others] = this.instances;
    this.instances = [...others, newest];
    await isReady();
    this.balance();
    oldest!.child.process.kill('SIGTERM');
    await oldest!.child.untilExit();
    return newest;
  }

  private balance(): void {
    this.proxy.pointTo(...this.instances.map(({ port }) => port));
  }
}

async function connectCrowd(service: Service, size: number): Promise<Crowd> {
  const crowd = new Crowd(service.proxy.port, size);
  afterTest(() => crowd.drop(true));
  crowd.comesBack = true;
  await crowd.connect();
  return crowd;
}

describe('A rolling deploy', () => {
  it('with a shared backplane: 1,000 clients get every event once, though both instances are replaced', async () => {
    const retention = { events: 100_000 };
    const redis = await startRedis();
    afterTest(() => redis.dispose());
    const publisher = await NewsProcess.start({ redis: redis.port, push: { retention } });
    const service = await Service.start(2, { redis: redis.port, push: { retry: 500, retention } });
    const crowd = await connectCrowd(service, 1_000);
    await publisher.ask('feed', { topic: 'news.a', perSecond: 50 });
    await crowd.until(() => crowd.events >= 50_000);
    // On a busy machine readers lag: they are given the time to reach what the new instance has seen itself.
    const isReady = async () => {
      const { count } = await publisher.ask<{ count: number }>('fed');
      await eventually(() => crowd.readers.every(({ next }) => next >= count));
    };
    for (const closed of [500, 1_000]) {
      await service.replaceOldest(isReady);
      await crowd.until(() => crowd.closed >= closed && crowd.open === 1_000);
    }
    const { count } = await publisher.ask<{ count: number }>('endFeed');
    await eventually(() => crowd.readers.every(({ next, gaps }) => next >= count || gaps.length > 0));
    expect(crowd.faults).toEqual({ outOfOrder: 0, gaps: 0 });
    expect(crowd.events).toBe(1_000 * count);
    expect(crowd.readers.every(({ visits }) => visits > 1)).toBe(true);
  }, 120_000);

  it('with memory: clients are told of one gap, whose reason is the new log', async () => {
    const service = await Service.start(1, { push: { retry: 300 } });
    const crowd = await connectCrowd(service, 200);
    const newest = await service.replaceOldest();
    await crowd.until(() => crowd.closed === 200 && crowd.open === 200);
    await newest.ask('publish', { topic: 'news.a', count: 10 });
    await crowd.until(() => crowd.events >= 200 * 10);
    expect(new Set(crowd.readers.map(({ gaps }) => gaps.join()))).toEqual(new Set(['epoch']));
    expect(crowd.faults.outOfOrder).toBe(0);
  }, 60_000);
});
