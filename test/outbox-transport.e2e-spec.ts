import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventBus, PushError, PushModule } from 'nestjs-push';
import { PushOutboxTransport } from 'nestjs-push/outbox';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { startRedis, type ServerProcess } from './support/servers.js';
import { eventually } from './support/watched.js';

/*
 * `@nestjs/outbox` by its interface: what its relay hands to a transport, what it makes of an error, and a relay as small as it
 * can be.
 */

interface OutboxMessage {
  readonly id: string;
  readonly topic: string;
  readonly payload: unknown;
  readonly headers: Record<string, string>;
  readonly key: string | null;
  readonly createdAt: number;
  readonly availableAt: number;
  readonly attempts: number;
  readonly lastError: string | null;
}

interface OutboxTransport {
  publish(message: OutboxMessage, options: { signal: AbortSignal }): void | Promise<void>;
}

class NonRetryableMessageError extends Error {}

/** A table of messages: each is in one of these states. */
class Store {
  readonly waiting: OutboxMessage[] = [];
  readonly published: string[] = [];
  readonly dead: (readonly [id: string, error: Error])[] = [];

  add(topic: string, payload: unknown, more: Partial<OutboxMessage> = {}): string {
    const id = more.id ?? crypto.randomUUID();
    const times = { createdAt: Date.now(), availableAt: Date.now() };
    this.waiting.push({
      headers: {},
      key: topic,
      ...times,
      attempts: 0,
      lastError: null,
      ...more,
      id,
      topic,
      payload,
    });
    return id;
  }

  settle(id: string): void {
    this.waiting.splice(
      this.waiting.findIndex((message) => message.id === id),
      1,
    );
  }
}

/** Publishes what waits, oldest first, until one has to be tried again. */
async function relay(
  store: Store,
  transport: OutboxTransport,
  crash: 'no crash' | 'before mark' = 'no crash',
) {
  for (const message of [...store.waiting]) {
    try {
      await transport.publish(message, { signal: AbortSignal.timeout(30_000) });
    } catch (error) {
      if (!(error instanceof NonRetryableMessageError)) throw error;
      store.settle(message.id);
      store.dead.push([message.id, error]);
      continue;
    }
    if (crash === 'before mark') return;
    store.settle(message.id);
    store.published.push(message.id);
  }
}

/** As `app.get(EventBus)` has it. */
type Bus = EventBus<unknown>;

let redis: ServerProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

let namespaces = 0;

/** Nodes of one application. */
async function nodes(count: number, publishTimeout = 30_000): Promise<Bus[]> {
  const prefix = `outbox-${namespaces++}`;
  const start = async () => {
    @Module({
      imports: [
        PushModule.forRoot({
          backplane: redisBackplane({ url: `redis://127.0.0.1:${redis.port}`, prefix, publishTimeout }),
          topics: [{ pattern: 'ended', finite: true }],
        }),
      ],
    })
    class Root {}
    const app = await NestFactory.createApplicationContext(Root, { logger: false, abortOnError: false });
    afterTest(() => app.close());
    const bus = app.get(EventBus);
    // From then on, handlers miss nothing.
    await eventually(async () => (await bus.health()).ready);
    return bus;
  };
  return Promise.all(Array.from({ length: count }, start));
}

/** The data of all orders that a node hears of from now on. */
function seenBy(bus: Bus): unknown[] {
  const seen: unknown[] = [];
  const subscription = bus.on('orders.*').subscribe(({ data }) => seen.push(data));
  afterTest(() => subscription.unsubscribe());
  return seen;
}

const transportOf = (bus: Bus): OutboxTransport =>
  new PushOutboxTransport(bus, {
    nonRetryable: (message, cause) => new NonRetryableMessageError(message, { cause }),
  });

describe('A transport of @nestjs/outbox', () => {
  it('publishes a message with its id and headers', async () => {
    const [bus, other] = (await nodes(2)) as [Bus, Bus];
    const seen: unknown[] = [];
    const subscription = other.on('orders.*').subscribe((event) => seen.push(event));
    afterTest(() => subscription.unsubscribe());
    const store = new Store();
    const id = store.add('orders.1', { status: 'paid' }, { headers: { traceparent: '00-4bf9' } });
    await relay(store, transportOf(bus));
    await eventually(() => seen.length > 0);
    expect(seen).toMatchObject([
      { topic: 'orders.1', data: { status: 'paid' }, meta: { traceparent: '00-4bf9' } },
    ]);
    expect(store.published).toEqual([id]);
    // The id was taken as the messageId: an event with it is there already.
    const [event] = seen as { id: string }[];
    expect(await bus.publish('orders.1', 'again', { messageId: id })).toBe(event!.id);
  });

  it('stores a message once, although a relay died after publishing it and another node’s published it again', async () => {
    const [bus, other] = (await nodes(2)) as [Bus, Bus];
    const seen = seenBy(bus);
    const store = new Store();
    for (const n of [1, 2, 3]) store.add('orders.1', n);
    await relay(store, transportOf(bus), 'before mark');
    expect(store.published).toEqual([]);
    await relay(store, transportOf(other));
    await other.publish('orders.last', 'last');
    await eventually(() => seen.includes('last'));
    expect(seen).toEqual([1, 2, 3, 'last']);
    expect(store.published).toHaveLength(3);
  });

  it('says that a message can never be published, so that it goes aside at once, and the others go on', async () => {
    const [bus] = (await nodes(1)) as [Bus];
    await bus.end('ended');
    const store = new Store();
    const wrong = [
      store.add('not a topic', 1),
      store.add('orders.1', 'x'.repeat(2 ** 20)),
      store.add('orders.1', 1, { headers: { row: 'taken' } }),
      store.add('orders.1', 1, { id: 'an id with spaces' }),
      store.add('ended', 1),
    ];
    const right = store.add('orders.1', 'right');
    await relay(store, transportOf(bus));
    expect(store.dead.map(([id]) => id)).toEqual(wrong);
    const causes = store.dead.map(([, { cause }]) => cause as PushError);
    expect(causes.map(({ code }) => code)).toEqual([
      ...['INVALID_TOPIC', 'DATA_TOO_LARGE', 'INVALID_OPTION', 'INVALID_OPTION', 'ENDED'],
    ]);
    store.dead.forEach(([id, { message }], index) =>
      expect(message).toBe(`Message ${id}: ${causes[index]!.message}`),
    );
    expect(store.published).toEqual([right]);
  });

  it('passes the PushError on where nothing makes another of it', async () => {
    const [bus] = (await nodes(1)) as [Bus];
    const store = new Store();
    store.add('not a topic', 1);
    const failure = relay(store, new PushOutboxTransport(bus));
    await expect(failure).rejects.toMatchObject({
      name: 'PushError',
      code: 'INVALID_TOPIC',
      retryable: false,
    });
  });

  it('fails in a way that is tried again while the backplane does not answer, and then stores the message once', async () => {
    const [bus] = (await nodes(1, 200)) as [Bus];
    const seen = seenBy(bus);
    const store = new Store();
    const id = store.add('orders.1', 1);
    redis.pause();
    try {
      const failure = relay(store, transportOf(bus));
      await expect(failure).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    } finally {
      redis.resume();
    }
    await eventually(() =>
      relay(store, transportOf(bus)).then(
        () => true,
        () => false,
      ),
    );
    expect(store.published).toEqual([id]);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([1]);
  });

  it('waits no longer once the relay has given up, with the relay’s reason; published again, the message is stored once', async () => {
    const [bus] = (await nodes(1)) as [Bus];
    const seen = seenBy(bus);
    const store = new Store();
    store.add('orders.1', 1);
    const [message] = store.waiting as [OutboxMessage];
    const giveUp = new AbortController();
    const reason = new Error('publishTimeout');
    redis.pause();
    try {
      const publishing = transportOf(bus).publish(message, { signal: giveUp.signal });
      giveUp.abort(reason);
      await expect(publishing).rejects.toBe(reason);
    } finally {
      redis.resume();
    }
    await relay(store, transportOf(bus));
    await bus.publish('orders.last', 'last');
    await eventually(() => seen.includes('last'));
    expect(seen).toEqual([1, 'last']);
  });

  it('publishes nothing for a relay that had given up before', async () => {
    const [bus] = (await nodes(1)) as [Bus];
    const seen = seenBy(bus);
    const store = new Store();
    store.add('orders.1', 1);
    const [message] = store.waiting as [OutboxMessage];
    const reason = new Error('publishTimeout');
    const publishing = transportOf(bus).publish(message, { signal: AbortSignal.abort(reason) });
    await expect(publishing).rejects.toBe(reason);
    await bus.publish('orders.last', 'last');
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['last']);
  });
});
