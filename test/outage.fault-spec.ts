import { Logger, type LoggerService } from '@nestjs/common';
import { setInterval as every } from 'node:timers/promises';
import { PushLifecycle, PushModule } from 'nestjs-push';
import { PushMetricsModule } from 'nestjs-push/opentelemetry';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { ClientRecord, openClient } from './support/client-app.js';
import { HealthModule } from './support/health-example.js';
import { Scraped, type Scrape } from './support/scraped.js';
import { startRedis } from './support/servers.js';
import { openSse, type SseReader } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { readOutagePage, type PageLine, type PageRow } from './support/told-page.js';
import { eventually } from './support/watched.js';

/** Keeps what is logged, with its level. */
class Lines implements LoggerService {
  lines: string[] = [];
  readonly log = (message: unknown) => this.keep('LOG', message);
  readonly warn = (message: unknown) => this.keep('WARN', message);
  readonly error = (message: unknown) => this.keep('ERROR', message);
  readonly debug = (message: unknown) => this.keep('DEBUG', message);
  readonly verbose = () => undefined;

  has({ level, text }: PageLine): boolean {
    return this.lines.some((line) => line.startsWith(`${level} `) && line.includes(text));
  }

  private keep(level: string, message: unknown): void {
    this.lines.push(`${level} ${String(message)}`);
  }
}

interface Node {
  readonly app: RunningApp;
  readonly scraped: Scraped;
  /** What was scraped in the row before. */
  before: Scrape;
}

async function startNode(redisPort: number): Promise<Node> {
  const scraped = await Scraped.start();
  const push = PushModule.forRoot({
    topics: [{ pattern: 'news.*', access: 'public' }],
    backplane: redisBackplane({ url: `redis://127.0.0.1:${redisPort}` }),
    retry: 100,
    limits: { connectionsPerAddress: 10 },
  });
  const metrics = PushMetricsModule.forRoot({ meterProvider: scraped.meterProvider, eventLoopDelay: false });
  const app = await startApp('express', { imports: [push, metrics, HealthModule] });
  await eventually(async () => (await app.bus.health()).ready);
  return { app, scraped, before: await scraped.scrape() };
}

/** Publishes numbers, about ten a second. Those that fail are counted; those that do not have to arrive. */
class Publisher {
  readonly stored: number[] = [];
  failed = 0;
  private isOver = false;
  private readonly pending: Promise<unknown>[] = [];
  private readonly done: Promise<void>;

  constructor(app: RunningApp) {
    this.done = this.run(app);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.done;
    await Promise.all(this.pending);
  }

  private async run({ bus }: RunningApp): Promise<void> {
    let n = 0;
    for await (const _ of every(100)) {
      if (this.isOver) return;
      const number = ++n;
      const published = bus.publish('news.a', number).then(
        () => this.stored.push(number),
        () => this.failed++,
      );
      this.pending.push(published);
    }
  }
}

/** Resolves once all that the page claims in this row is what is seen. */
async function see(row: PageRow, node: Node, logger: Lines): Promise<void> {
  let now = node.before;
  let missing: string[] = [];
  const look = async () => {
    now = await node.scraped.scrape();
    missing = row.claims.filter((claim) => !claim.holds(node.before, now)).map(({ text }) => text);
    for (const [name, status] of Object.entries(row.health)) {
      // Over a connection of its own, as probes ask. The node resets connections that are idle when it has drained.
      const answer = await openSse(node.app.url(`/health/${name}`)).catch(() => undefined);
      if (answer?.status !== status) missing.push(`${name} ${status}, and not ${answer?.status}`);
    }
    for (const line of row.lines) if (!logger.has(line)) missing.push(`${line.level} ${line.text}`);
    return missing.length === 0;
  };
  const end = performance.now() + 60_000;
  while (!(await look()))
    if (performance.now() > end) throw new Error(`${row.title}: not seen: ${missing.join('; ')}`);
  node.before = now;
  logger.lines = [];
}

it('An outage is seen as the page tells it', async () => {
  const redis = await startRedis('aof');
  afterTest(() => redis.dispose());
  const [first, second] = [await startNode(redis.port), await startNode(redis.port)];
  const logger = new Lines();
  Logger.overrideLogger(logger);
  afterTest(() => Logger.overrideLogger(false));
  const balancer = await TcpProxy.start(first.app.port);
  afterTest(() => balancer.dispose());
  const url = `http://127.0.0.1:${balancer.port}/push`;
  const records = Array.from({ length: 6 }, () => new ClientRecord(openClient(url, { maxRetryDelay: 500 })));
  await Promise.all(records.map((record) => record.read('news.a')));
  const publisher = new Publisher(first.app);
  const rows = await readOutagePage();
  const titles: string[] = [];
  const row = (title: string, node = first) => {
    titles.push(title);
    return see(
      rows.find((each) => each.title === title)!,
      node,
      logger,
    );
  };

  await row('All is well');
  const since = performance.now();
  await redis.kill();
  await row('Redis goes away');
  await eventually(() => performance.now() - since > 20_000 && publisher.failed > 50);
  await row('It stays away');
  await redis.start();
  await row('Redis is back');

  await publisher.end();
  await Promise.all(
    records.map((record) => record.until(() => record.handled.includes(publisher.stored.at(-1)))),
  );
  second.before = await second.scraped.scrape();
  balancer.pointTo(second.app.port);
  const drained = first.app.nest.get(PushLifecycle).drain();
  await row('The node drains');
  await drained;
  await row('The other node takes over', second);

  const flood: SseReader[] = [];
  const from = `${second.app.url('/push/events')}?topic=news.a`;
  for (let n = 0; n < 104; n++) flood.push(await openSse(from));
  expect(flood.filter(({ status }) => status === 429)).toHaveLength(100);
  await row('A flood is refused', second);
  for (const reader of flood) reader.drop();
  await row('The flood is over', second);

  expect(titles).toEqual(rows.map(({ title }) => title));
  for (const { handled, gaps } of records) {
    expect(gaps).toEqual([]);
    expect(handled).toEqual([...new Set(handled as number[])].sort((a, b) => a - b));
    // What was stored after its publisher was told so came too.
    for (const n of publisher.stored) expect(handled).toContain(n);
  }
}, 180_000);
