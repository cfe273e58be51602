import { PushModule, type PushOptions } from 'nestjs-push';
import { PushMetricsModule } from 'nestjs-push/opentelemetry';
import { redisBackplane } from 'nestjs-push/redis';
import type { ModuleMetadata } from '@nestjs/common';
import { afterTest } from './cleanup.js';
import { Scraped } from './scraped.js';
import { startApp, type RunningApp } from './start-app.js';
import { TcpProxy } from './tcp-proxy.js';
import { eventually } from './watched.js';

const topics: PushOptions['topics'] = [
  { pattern: 'rooms.*', access: 'public', presence: { grace: 20_000 } },
  { pattern: 'runs.*', access: 'public', finite: true },
  { pattern: '>', access: 'public' },
];

/** A node, and what Prometheus reads of it. */
export interface BalancedNode {
  readonly app: RunningApp;
  readonly scraped: Scraped;
}

/** Nodes of one application on one log of Redis, and a balancer that gives each new connection to the next node. */
export class BalancedNodes {
  readonly nodes: BalancedNode[] = [];
  private balancer!: TcpProxy;

  constructor(
    private readonly redisPort: number,
    private readonly options: PushOptions,
    private readonly metadata: Pick<ModuleMetadata, 'controllers' | 'providers' | 'exports'> = {},
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.balancer.port}`;
  }

  get port(): number {
    return this.balancer.port;
  }

  /** Starts one more node. New connections are given to it too; those that are open stay. */
  async add(): Promise<BalancedNode> {
    const scraped = await Scraped.start();
    const backplane = redisBackplane({ url: `redis://127.0.0.1:${this.redisPort}`, prefix: this.prefix });
    const push = PushModule.forRoot({
      topics,
      retention: { events: 100_000 },
      backplane,
      limits: { connectionAge: 1 },
      ...this.options,
    });
    const { meterProvider } = scraped;
    const app = await startApp('express', {
      imports: [push, PushMetricsModule.forRoot({ meterProvider, eventLoopDelay: false })],
      ...this.metadata,
    });
    await eventually(async () => (await app.bus.health()).ready);
    const node = { app, scraped };
    this.nodes.push(node);
    if (!this.balancer) await this.startBalancer(app.port);
    this.balancer.pointTo(...this.nodes.map(({ app: { port } }) => port));
    return node;
  }

  /** How many clients each node has. */
  get shares(): number[] {
    return this.nodes.map(({ app }) => app.bus.stats().connections);
  }

  /** How many connections have ended for this reason, on all nodes. */
  async ended(reason: string): Promise<number> {
    const counts = this.nodes.map(async ({ scraped }) => {
      const scrape = await scraped.scrape();
      return scrape.of('nestjs_push_connections_closed_total', { nestjs_push_reason: reason }) ?? 0;
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  private async startBalancer(port: number): Promise<void> {
    this.balancer = await TcpProxy.start(port);
    afterTest(() => this.balancer.dispose());
  }

  private readonly prefix = `balanced-${Math.random().toString(36).slice(2)}`;
}
