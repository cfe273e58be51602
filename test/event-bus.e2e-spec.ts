import { Injectable, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventBus, PushError, PushEventBus, PushModule, type PushEvent, type PushOptions } from 'nestjs-push';
import { filter, firstValueFrom, map, take, toArray } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { startApp } from './support/start-app.js';
import { openSse, openStream } from './support/sse-reader.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';

/** A bus in an application without any HTTP. */
async function busWith(options: PushOptions = {}): Promise<EventBus> {
  @Module({ imports: [PushModule.forRoot(options)] })
  class Root {}
  const context = await NestFactory.createApplicationContext(Root, { logger: false, abortOnError: false });
  afterTest(() => context.close());
  return context.get(EventBus);
}

const idGrammar = /^[A-Za-z0-9_-]{1,64}$/;

describe('publish()', () => {
  it('resolves with an id of the documented form, and the ids differ', async () => {
    const bus = await busWith();
    const ids = await Promise.all([bus.publish('a', 1), bus.publish('b', 2)]);
    for (const id of ids) expect(id).toMatch(idGrammar);
    expect(new Set(ids).size).toBe(2);
    expect(bus.stats()).toMatchObject({ window: { events: 2, topics: 2 }, positions: { head: ids[1] } });
  });

  it('stores a messageId once, and answers the id of the first event', async () => {
    const bus = await busWith();
    const first = await bus.publish('a', 1, { messageId: 'm-1' });
    expect(await bus.publish('a', 2, { messageId: 'm-1' })).toBe(first);
    expect(await bus.publish('elsewhere', 3, { messageId: 'm-1' })).toBe(first);
    const [second, again] = await Promise.all([
      bus.publish('a', 4, { messageId: 'm-2' }),
      bus.publish('a', 5, { messageId: 'm-2' }),
    ]);
    expect(again).toBe(second);
    expect(bus.stats().window.events).toBe(2);
    const kept = firstValueFrom(
      bus.stream('>', { from: 'earliest', wildcards: true }).pipe(take(2), toArray()),
    );
    expect((await kept).map(({ data }) => data)).toEqual([1, 4]);
  });

  it('sends an ephemeral event to who is there, without id, and stores nothing', async () => {
    const bus = await busWith();
    const seen = firstValueFrom(bus.on('a'));
    expect(await bus.publish('a', 'now', { ephemeral: true, type: 'blink' })).toBeUndefined();
    expect(await seen).toEqual({ id: undefined, topic: 'a', type: 'blink', data: 'now' });
    expect(bus.stats().window).toMatchObject({ events: 0, topics: 0 });
  });

  it('carries metadata to the handlers and streams of the server, and to no client', async () => {
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics: [{ pattern: '>', access: 'public' }] })],
    });
    const { bus } = app;
    const handled = firstValueFrom(bus.on('a'));
    const streamed = firstValueFrom(bus.stream('a'));
    const ephemeral = firstValueFrom(bus.on('b'));
    const sse = await openStream(app.url('/push/events?topic=a&topic=b'));
    const ws = await openWs(app.webSocketUrl());
    await ws.subscribe(['a', 'b']);
    const meta = { traceparent: '00-4bf9', attempt: 2, urgent: true };
    const id = await bus.publish('a', 1, { meta });
    await bus.publish('b', 2, { meta, ephemeral: true });
    expect(await handled).toEqual({ id, topic: 'a', type: undefined, data: 1, meta });
    expect(await streamed).toEqual({ id, data: 1, meta });
    expect(await ephemeral).toMatchObject({ data: 2, meta });
    await sse.untilEvents(2);
    await ws.untilData(2);
    expect(JSON.stringify([sse.body, ws.messages])).not.toContain('4bf9');
    await expect(bus.publish('a', 1, { meta: { removed: true } })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    const many = bus.publishMany([
      { topic: 'a', data: 1 },
      { topic: 'a', data: 2, meta: { $own: 1 } },
    ]);
    await expect(many).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(bus.stats().window.events).toBe(1);
  });

  it('carries the type', async () => {
    const bus = await busWith();
    const streamed = firstValueFrom(bus.stream('a'));
    const handled = firstValueFrom(bus.on('a'));
    const id = await bus.publish('a', { n: 1 }, { type: 'changed' });
    expect(await streamed).toEqual({ id, type: 'changed', data: { n: 1 } });
    expect(await handled).toEqual({ id, topic: 'a', type: 'changed', data: { n: 1 } });
  });

  it('takes any JSON: null, strings, numbers, arrays, objects with toJSON', async () => {
    const bus = await busWith();
    const all = [null, false, 0, '', 'text', [1, [2]], { a: { b: 'ü' } }];
    const handled = firstValueFrom(bus.on('a').pipe(take(all.length + 1), toArray()));
    for (const data of [...all, new Date(0)]) await bus.publish('a', data);
    expect((await handled).map(({ data }) => data)).toEqual([...all, '1970-01-01T00:00:00.000Z']);
  });

  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const throwing = {
    toJSON() {
      throw new Error('no');
    },
  };
  const refused: [what: string, code: string, says: RegExp, publish: (bus: EventBus) => Promise<unknown>][] =
    [
      ['an empty topic', 'INVALID_TOPIC', /"" is not a topic/, (bus) => bus.publish('', 1)],
      ['an empty token', 'INVALID_TOPIC', /a\.\.b/, (bus) => bus.publish('a..b', 1)],
      ['a leading dot', 'INVALID_TOPIC', /joined by "\."/, (bus) => bus.publish('.a', 1)],
      ['a space', 'INVALID_TOPIC', /encodeURIComponent/, (bus) => bus.publish('a b', 1)],
      ['a line break', 'INVALID_TOPIC', /visible ASCII/, (bus) => bus.publish('a\nid: 7', 1)],
      ['a NUL', 'INVALID_TOPIC', /visible ASCII/, (bus) => bus.publish('a\0', 1)],
      ['an umlaut', 'INVALID_TOPIC', /URL-encode/, (bus) => bus.publish('ä', 1)],
      ['a topic too long', 'INVALID_TOPIC', /255/, (bus) => bus.publish('a'.repeat(256), 1)],
      ['a wildcard', 'INVALID_TOPIC', /for subscribing/, (bus) => bus.publish('a.*', 1)],
      ['no topic', 'INVALID_TOPIC', /undefined/, (bus) => bus.publish(undefined as never, 1)],
      ['undefined', 'DATA_NOT_SERIALIZABLE', /Publish null/, (bus) => bus.publish('a', undefined)],
      ['a function', 'DATA_NOT_SERIALIZABLE', /is function/, (bus) => bus.publish('a', () => 1)],
      ['a symbol', 'DATA_NOT_SERIALIZABLE', /is symbol/, (bus) => bus.publish('a', Symbol('s'))],
      ['a BigInt', 'DATA_NOT_SERIALIZABLE', /BigInts/, (bus) => bus.publish('a', 1n)],
      ['a cycle', 'DATA_NOT_SERIALIZABLE', /cycles/, (bus) => bus.publish('a', cycle)],
      ['a toJSON that throws', 'DATA_NOT_SERIALIZABLE', /JSON/, (bus) => bus.publish('a', throwing)],
      ['too much', 'DATA_TOO_LARGE', /maxEventBytes is 1000/, (bus) => bus.publish('a', 'x'.repeat(999))],
      ['too much UTF-8', 'DATA_TOO_LARGE', /1001 bytes/, (bus) => bus.publish('a', 'ü'.repeat(499) + 'x')],
      ['a type with a line break', 'INVALID_TYPE', /control/, (bus) => bus.publish('a', 1, { type: 'x\ny' })],
      ['a type with CR', 'INVALID_TYPE', /control/, (bus) => bus.publish('a', 1, { type: 'x\ry' })],
      ['a type with NUL', 'INVALID_TYPE', /control/, (bus) => bus.publish('a', 1, { type: 'x\0y' })],
      ['an empty type', 'INVALID_TYPE', /1 to 128/, (bus) => bus.publish('a', 1, { type: '' })],
      ['the type error', 'INVALID_TYPE', /"error"/, (bus) => bus.publish('a', 1, { type: 'error' })],
      ['the type open', 'INVALID_TYPE', /"open"/, (bus) => bus.publish('a', 1, { type: 'open' })],
      ['a reserved type', 'INVALID_TYPE', /push\./, (bus) => bus.publish('a', 1, { type: 'push.gap' })],
      ['a type too long', 'INVALID_TYPE', /128/, (bus) => bus.publish('a', 1, { type: 'x'.repeat(129) })],
      ['an empty messageId', 'INVALID_OPTION', /UUID/, (bus) => bus.publish('a', 1, { messageId: '' })],
      [
        'a messageId with a space',
        'INVALID_OPTION',
        /UUID/,
        (bus) => bus.publish('a', 1, { messageId: 'a b' }),
      ],
    ];

  it.each(refused)('refuses %s with %s, and stores nothing', async (_, code, says, publish) => {
    const bus = await busWith({ maxEventBytes: 1_000 });
    const before = bus.stats();
    const error: unknown = await publish(bus).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PushError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) as string });
    expect(bus.stats()).toEqual(before);
  });

  it('takes exactly maxEventBytes', async () => {
    const bus = await busWith({ maxEventBytes: 1_000 });
    await bus.publish('a', 'x'.repeat(998));
    await bus.publish('a', 'ü'.repeat(499));
    expect(bus.stats().window.events).toBe(2);
  });
});

describe('publishMany()', () => {
  it('publishes in order, each with its options', async () => {
    const bus = await busWith();
    const seen = firstValueFrom(bus.on('>').pipe(take(3), toArray()));
    const ids = await bus.publishMany([
      { topic: 'a', data: 1 },
      { topic: 'b', data: 2, type: 't' },
      { topic: 'c', data: 3, ephemeral: true },
    ]);
    expect(ids).toEqual([expect.stringMatching(idGrammar), expect.stringMatching(idGrammar), undefined]);
    expect((await seen).map(({ topic, type, data }) => [topic, type, data])).toEqual([
      ['a', undefined, 1],
      ['b', 't', 2],
      ['c', undefined, 3],
    ]);
  });

  it('stores none if one is refused', async () => {
    const bus = await busWith();
    const publishing = bus.publishMany([
      { topic: 'a', data: 1 },
      { topic: 'a', data: 2n },
    ]);
    await expect(publishing).rejects.toMatchObject({ code: 'DATA_NOT_SERIALIZABLE' });
    expect(bus.stats().window.events).toBe(0);
  });

  it('takes none at all', async () => {
    expect(await (await busWith()).publishMany([])).toEqual([]);
  });
});

describe('stream()', () => {
  it('begins where it is told, in any pipe', async () => {
    const bus = await busWith();
    const ids = await bus.publishMany([1, 2, 3].map((n) => ({ topic: `t.${n % 2}`, data: n })));
    const read = (from: string, count: number) =>
      firstValueFrom(
        bus.stream('t.*', { from, wildcards: true }).pipe(
          map(({ data }) => data),
          take(count),
          toArray(),
        ),
      );
    expect(await read('earliest', 3)).toEqual([1, 2, 3]);
    expect(await read('last', 2)).toEqual([2, 3]);
    expect(await read('last:2', 3)).toEqual([1, 2, 3]);
    expect(await read('start', 3)).toEqual([1, 2, 3]);
    expect(await read(ids[0]!, 2)).toEqual([2, 3]);
    const live = read('now', 1);
    await bus.publish('t.9', 'live');
    expect(await live).toEqual(['live']);
  });

  it('refuses a "last:" without a right number', async () => {
    const bus = await busWith();
    expect(() => bus.stream('t', { from: 'last:0' })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(/1 to 1000/) as string,
      }),
    );
  });

  it('wraps the data in an envelope', async () => {
    const bus = await busWith();
    const message = firstValueFrom(bus.stream(['a', 'b'], { envelope: true }));
    const id = await bus.publish('b', { n: 1 });
    expect(await message).toEqual({ id, data: { topic: 'b', data: { n: 1 } } });
  });

  it('tells of a gap once, then brings what is retained', async () => {
    const bus = await busWith({ retention: { events: 1 } });
    const first = await bus.publish('a', 1);
    await bus.publish('a', 2);
    await bus.publish('a', 3);
    const messages = await firstValueFrom(bus.stream('a', { from: first }).pipe(take(2), toArray()));
    expect(messages).toEqual([
      {
        type: 'push.gap',
        id: expect.any(String) as string,
        data: expect.objectContaining({ reason: 'evicted', topics: ['a'] }) as object,
      },
      { id: expect.any(String) as string, data: 3 },
    ]);
    expect(bus.stats().gaps).toBe(1);
  });

  it('is cold: each subscriber has a place of its own, and frees it', async () => {
    const bus = await busWith();
    const stream = bus.stream('a');
    expect(bus.stats().connections).toBe(0);
    const subscriptions = [stream.subscribe(), stream.subscribe()];
    expect(bus.stats()).toMatchObject({ connections: 2, subscriptions: 2, audiences: 1 });
    subscriptions.forEach((subscription) => subscription.unsubscribe());
    expect(bus.stats()).toMatchObject({ connections: 0, subscriptions: 0, audiences: 0 });
  });

  it.each([[[]], [''], ['a..b'], ['a.>.b'], ['a*'], [['a', 'b b']], [undefined], [[undefined]], [7]])(
    'refuses %j',
    async (topics) => {
      const bus = await busWith();
      const error = expect.objectContaining({ code: 'INVALID_TOPIC' }) as Error;
      expect(() => bus.stream(topics as string)).toThrow(error);
    },
  );

  it.each(['>', '*', 'a.*', 'a.>', '*.a'])(
    'takes the wildcard %s only where the code says so',
    async (pattern) => {
      const bus = await busWith();
      const error = expect.objectContaining({ code: 'INVALID_TOPIC', status: 400 }) as Error;
      expect(() => bus.stream(pattern)).toThrow(error);
      expect(() => bus.stream(['a', pattern], { wildcards: false })).toThrow(error);
      expect(bus.stream(pattern, { wildcards: true }).topics).toEqual([pattern]);
      expect(() => bus.stream('a..b', { wildcards: true })).toThrow(error);
    },
  );

  it('keeps the topics that it was given', async () => {
    const bus = await busWith();
    const topics = ['a'];
    const stream = bus.stream(topics);
    topics[0] = 'b';
    const message = firstValueFrom(stream);
    await bus.publishMany([
      { topic: 'b', data: 'b' },
      { topic: 'a', data: 'a' },
    ]);
    expect(await message).toMatchObject({ data: 'a' });
  });
});

describe('on()', () => {
  /** Errors that handlers cause, and events that one of them still gets afterwards. */
  async function failing(subscribe: (bus: EventBus, seen: unknown[]) => unknown) {
    const errors: unknown[] = [];
    const stages: string[] = [];
    const bus = await busWith({
      onError: (error, { stage }) => {
        errors.push(error);
        stages.push(stage);
      },
    });
    const seen: unknown[] = [];
    subscribe(bus, seen);
    await bus.publish('a', 1);
    await bus.publish('a', 2);
    await eventually(() => seen.length === 2 && errors.length === 2);
    expect(errors).toEqual([new Error('handler 1'), new Error('handler 2')]);
    expect(stages).toEqual(['handler', 'handler']);
  }

  const throws = (seen: unknown[]) => (event: PushEvent) => {
    seen.push(event.data);
    throw new Error(`handler ${String(event.data)}`);
  };
  const rejects = (seen: unknown[]) => async (event: PushEvent) => {
    await Promise.resolve();
    throws(seen)(event);
  };

  it('reports a handler that throws, and keeps calling it', () =>
    failing((bus, seen) => bus.on('a').subscribe(throws(seen))));

  it('reports a handler whose promise rejects, and keeps calling it', () =>
    failing((bus, seen) => bus.on('a').subscribe(rejects(seen))));

  it('reports an observer that throws', () =>
    failing((bus, seen) => bus.on('a').subscribe({ next: throws(seen) })));

  it('reports a handler that throws behind a pipe', () =>
    failing((bus, seen) =>
      bus
        .on('a')
        .pipe(
          filter(({ data }) => data !== undefined),
          map((event) => event),
        )
        .subscribe(throws(seen)),
    ));

  it('reports a handler that rejects behind a pipe', () =>
    failing((bus, seen) => bus.on('a').pipe(filter(Boolean)).subscribe(rejects(seen))));

  it('leaves the others alone', async () => {
    const bus = await busWith({ onError: () => undefined });
    bus.on('a').subscribe(() => {
      throw new Error('mine');
    });
    const other = firstValueFrom(bus.on('a'));
    await bus.publish('a', 1);
    expect(await other).toMatchObject({ data: 1 });
  });

  it('follows patterns, and refuses what is none', async () => {
    const bus = await busWith();
    const seen = firstValueFrom(bus.on('orders.*.paid').pipe(take(2), toArray()));
    for (const topic of ['orders.1.paid', 'orders.1', 'orders.1.2.paid', 'orders.2.paid'])
      await bus.publish(topic, 1);
    expect((await seen).map(({ topic }) => topic)).toEqual(['orders.1.paid', 'orders.2.paid']);
    expect(() => bus.on('a..b')).toThrow(expect.objectContaining({ code: 'INVALID_TOPIC' }) as Error);
  });

  it('may publish and unsubscribe from within a handler', async () => {
    const bus = await busWith();
    const answers = firstValueFrom(bus.on('pong').pipe(take(2), toArray()));
    const subscription = bus.on('ping').subscribe(({ data }) => {
      if (data === 2) subscription.unsubscribe();
      return bus.publish('pong', data);
    });
    for (const n of [1, 2, 3]) await bus.publish('ping', n);
    expect((await answers).map(({ data }) => data)).toEqual([1, 2]);
    await eventually(() => bus.stats().connections === 0);
  });
});

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
