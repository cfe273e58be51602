import { Injectable, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventBus, PushEventBus, PushModule } from 'nestjs-push';
import { firstValueFrom } from 'rxjs';
import { busWith } from './support/bus.js';
import { openSse } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';

describe('stats()', () => {
  it('counts connections, subscriptions, audiences and the window', async () => {
    const bus = await busWith();
    expect(bus.stats()).toMatchObject({
      connections: 0,
      subscriptions: 0,
      audiences: 0,
      lagging: 0,
      gaps: 0,
    });
    bus.stream(['a', 'b']).subscribe();
    bus.stream(['b', 'a']).subscribe();
    bus.on('c').subscribe();
    const head = await bus.publish('a', 'x');
    const stats = bus.stats();
    expect(stats).toMatchObject({ connections: 3, subscriptions: 5, audiences: 2, lagging: 0 });
    expect(stats.window).toMatchObject({ events: 1, topics: 1 });
    expect(stats.positions.head).toBe(head);
    await new Promise((resolve) => setImmediate(resolve));
    expect(bus.stats().positions).toEqual({ head, slowest: head });
    expect(stats.window.bytes).toBeGreaterThan(0);
  });
});

describe('the module', () => {
  @Injectable()
  class Early implements OnModuleInit, OnApplicationBootstrap {
    readonly seen: unknown[] = [];
    constructor(readonly events: EventBus) {
      events.on('a').subscribe(({ data }) => this.seen.push(data));
      void events.publish('a', 'constructor');
    }
    async onModuleInit() {
      await this.events.publish('a', 'onModuleInit');
    }
    async onApplicationBootstrap() {
      await this.events.publish('a', 'onApplicationBootstrap');
    }
  }

  it('works before listen(), from constructors on', async () => {
    const app = await startApp('express', { imports: [PushModule.forRoot()], providers: [Early] });
    const early = app.nest.get(Early);
    await eventually(() => early.seen.length === 3);
    expect(early.seen).toEqual(['constructor', 'onModuleInit', 'onApplicationBootstrap']);
  });

  it('works with no transport, and has no doors then', async () => {
    const app = await startApp('express', { imports: [PushModule.forRoot({ transports: [] })] });
    const seen = firstValueFrom(app.bus.on('a'));
    await app.bus.publish('a', 1);
    expect(await seen).toMatchObject({ data: 1 });
    expect((await openSse(app.url('/push/events?topic=a'))).status).toBe(404);
    const client = connectWs(app.webSocketUrl());
    expect(await client.untilClosed()).toMatchObject({ code: 1006 });
  });

  it('takes its options from a factory', async () => {
    const app = await startApp('fastify', {
      imports: [
        PushModule.forRootAsync({
          path: 'live',
          useFactory: async () => {
            await Promise.resolve();
            return { heartbeat: 4_321, topics: [{ pattern: 'a', access: 'public' as const }] };
          },
        }),
      ],
    });
    const client = await openWs(app.webSocketUrl('/live'));
    expect(client.all('hello')[0]).toMatchObject({ heartbeat: 4_321 });
    expect((await openSse(app.url('/live/events?topic=a'))).status).toBe(200);
    expect((await openSse(app.url('/push/events?topic=a'))).status).toBe(404);
  });

  it.each(['deep/path', '/deep/path/', 'deep/path/'])(
    'lives at the path that it is given: %s',
    async (path) => {
      const app = await startApp('express', { imports: [PushModule.forRoot({ path })] });
      const client = await openWs(app.webSocketUrl('/deep/path'));
      expect(client.all('hello')).toHaveLength(1);
      expect((await openSse(app.url('/deep/path/events?topic=a'))).status).toBe(403);
    },
  );

  it('can be kept to the modules that import it', async () => {
    @Injectable()
    class Service {
      constructor(readonly events: EventBus) {}
    }
    @Module({ providers: [Service] })
    class Feature {}
    const start = (isGlobal: boolean) =>
      startApp('express', { imports: [PushModule.forRoot({ isGlobal, transports: [] }), Feature] });
    await expect(start(false)).rejects.toThrow(/EventBus/);
    const app = await start(true);
    expect(app.nest.get(Service, { strict: false }).events).toBe(app.bus);
  });

  it('exports the bus under a second name, for applications with @nestjs/cqrs', () => {
    expect(PushEventBus).toBe(EventBus);
  });

  it('leaves nothing running behind an application context', async () => {
    const before = process.getActiveResourcesInfo().toSorted();
    @Module({ imports: [PushModule.forRoot({ retention: { age: 50_000 } })] })
    class Root {}
    const context = await NestFactory.createApplicationContext(Root, { logger: false });
    await context.get(EventBus).publish('a', 1);
    await context.close();
    expect(process.getActiveResourcesInfo().toSorted()).toEqual(before);
  });
});
