import { EventBus, type PushEvent } from 'nestjs-push';
import { filter, firstValueFrom, map, take, toArray } from 'rxjs';
import { busWith } from './support/bus.js';
import { eventually } from './support/watched.js';

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
