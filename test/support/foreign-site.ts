import { Controller, Get, Header } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { afterTest } from './cleanup.js';
import type { Address, Following } from './foreign-clients.js';
import { SharedMemory } from './shared-memory.js';
import { openSse } from './sse-reader.js';
import { startApp, type RunningApp } from './start-app.js';
import { ForeignNetwork } from './foreign-network.js';
import { eventually } from './watched.js';

/** A page of the same origin. */
@Controller()
class PageController {
  @Get()
  @Header('content-type', 'text/html')
  page(): string {
    return '<!doctype html><link rel="icon" href="data:,">';
  }
}

/** Everything is at its default, but for a time: nobody wants to wait. */
const quick: PushOptions = { retry: 100 };

/** For who waits for heartbeats. On a busy machine a WebSocket may be late to answer one, and then has to come back. */
export const lively: PushOptions = { heartbeat: 200 };

/** An application, and the network between it and its clients. Its servers may come and go. */
export class ForeignSite {
  /** What clients asked of push, in order. */
  readonly requests: IncomingMessage[] = [];
  private published = 0;
  private readonly waiting: RunningApp[] = [];
  private app!: RunningApp;

  private constructor(
    readonly network: ForeignNetwork,
    private readonly options: PushOptions,
  ) {}

  /** An application with one server. */
  static async start(options: PushOptions = {}): Promise<ForeignSite> {
    const network = await ForeignNetwork.start();
    afterTest(() => network.dispose());
    const site = new ForeignSite(network, options);
    site.use(await site.startServer());
    return site;
  }

  /** An application with several servers of one log, of which one has all clients. */
  static async startCluster(servers: number): Promise<ForeignSite> {
    const site = await ForeignSite.start();
    const log = new SharedMemory();
    for (let n = 0; n < servers; n++) site.waiting.push(await site.startServer(log));
    site.use(site.waiting.shift()!);
    return site;
  }

  address(topic: string, ticket?: string): Address {
    return { origin: `http://127.0.0.1:${this.network.port}`, topic, ticket };
  }

  /** Publishes the next number, in an event that is worth compressing. */
  async publish(topic = 'news.a'): Promise<void> {
    const n = ++this.published;
    await this.app.bus.publish(topic, { n, text: `Order ${n} was paid. `.repeat(20) });
  }

  async publishMany(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.publish();
  }

  end(topic: string): Promise<unknown> {
    return this.app.bus.end(topic, { reason: 'done' });
  }

  /** Publishes until the client hears it, and from there on. Returns the number that it has heard first. */
  async untilHeard(client: Following, topic = 'news.a'): Promise<number> {
    await eventually(async () => {
      await this.publish(topic);
      return client.all('event').length > 0;
    });
    return numbers(client)[0]!;
  }

  /** Publishes an event of which the client gets only the first half before its connection breaks. */
  async cutWithin(client: Following, first: number): Promise<void> {
    await this.untilCaughtUp(client, first);
    const text = randomBytes(30_000).toString('base64');
    const isCut = this.network.cutAfter(text.length / 2);
    await this.app.bus.publish('news.a', { n: ++this.published, text });
    await isCut;
  }

  /** Resolves once the client has heard everything from number `first` on; rejects if that has a hole or a repeat. */
  async untilCaughtUp(client: Following, first: number): Promise<void> {
    const expected = Array.from({ length: this.published - first + 1 }, (_, index) => first + index);
    await client.until(() => numbers(client).at(-1)! >= this.published);
    expect(numbers(client)).toEqual(expected);
  }

  /** The next server takes over, and the one from before says goodbye. */
  async deploy(): Promise<void> {
    const before = this.app;
    this.use(this.waiting.shift()!);
    await before.shutDown();
  }

  /** The server dies, with its log. Nobody answers for a while, and then another one begins a new log. */
  async loseEverything(): Promise<void> {
    this.network.refuse();
    await this.app.shutDown();
    this.use(await this.startServer());
    this.network.heal();
  }

  /** Resolves once everybody has been sent so many heartbeats. */
  async untilHeartbeats(count: number): Promise<void> {
    const witness = await openSse(this.app.url(`/push/events?topic=news.a&witness`));
    const isHeartbeat = (block: string) => /^:|^event: push.heartbeat/.test(block);
    await witness.until(() => witness.blocks.filter(isHeartbeat).length >= count);
    witness.drop();
  }

  /** Resolves once every client has gone. */
  async untilAlone(): Promise<void> {
    await eventually(() => this.app.bus.stats().connections === 0);
  }

  private async startServer(log?: SharedMemory): Promise<RunningApp> {
    const topics: PushOptions['topics'] = [
      { pattern: 'news.*', access: 'public' },
      // The shared one keeps no ends.
      { pattern: 'jobs.*', access: 'public', finite: log === undefined },
    ];
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ ...quick, ...this.options, topics, backplane: log?.node() })],
      controllers: [PageController],
    });
    for (const event of ['request', 'upgrade'])
      app.server.prependListener(event, (request: IncomingMessage) => {
        if (/^\/push(?!.*&witness$)/.test(request.url!)) this.requests.push(request);
      });
    return app;
  }

  private use(app: RunningApp): void {
    this.app = app;
    this.network.pointTo(app.port);
  }
}

/** The numbers of the events that a client has heard. */
function numbers(client: Following): number[] {
  return client.all<{ data: { n: number } }>('event').map(({ data }) => data.n);
}
