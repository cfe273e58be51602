import { Injectable } from '@nestjs/common';
import { PushModule, PushSnapshot, type PushOptions, type SnapshotContext } from 'nestjs-push';
import type { ConnectOptions, PushError, TransportName } from 'nestjs-push-client';
import { snapshotOf, type SnapshotStep } from 'nestjs-push-client/snapshot';
import { afterTest } from './support/cleanup.js';
import { openClient } from './support/client-app.js';
import { random } from './support/random.js';
import { startApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { Watched } from './support/watched.js';

const seed = Number(process.env.SEED ?? Date.now() % 100_000);

/** What is true: the number that was written last for each order. */
@Injectable()
class Database {
  readonly orders = new Map<string, number>();
  readonly failing = new Set<string>();
  /** Called while a snapshot is loaded. */
  meanwhile: () => unknown = () => undefined;

  @PushSnapshot('orders.:id')
  async load({ topic }: SnapshotContext) {
    if (this.failing.has(topic)) throw new Error('The database is away.');
    const value = this.orders.get(topic) ?? 0;
    await this.meanwhile();
    return { value };
  }
}

interface State {
  readonly value: number;
}

type Step = SnapshotStep<State, number>;

/** Reads a topic with snapshots, and knows its value by that. */
class Reader extends Watched {
  readonly steps: string[] = [];
  value: number | undefined;

  readonly handle = (step: Step) => {
    if (step.kind === 'snapshot') this.value = step.data.value;
    else if (step.kind === 'event') this.value = step.data;
    this.steps.push(`${step.kind} ${this.value}`);
    this.changed();
  };
}

async function start(options: PushOptions = {}) {
  const app = await startApp('express', {
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: '>', access: 'public', retention: { events: 3 } }],
        onError: () => undefined,
        ...options,
      }),
    ],
    providers: [Database],
  });
  const database = app.nest.get(Database);
  const write = (topic: string, value: number) => {
    database.orders.set(topic, value);
    return app.bus.publish(topic, value);
  };
  return { app, database, write };
}

describe.each<[TransportName, ConnectOptions]>([
  ['websocket', { transports: ['websocket'] }],
  ['sse', { transports: ['sse'] }],
])('A client that begins with a snapshot, over %s,', (_, options) => {
  it('gets the state, what was published while that was loaded, and what comes', async () => {
    const { app, database, write } = await start();
    await write('orders.1', 1);
    database.meanwhile = () => write('orders.1', 2);
    const push = openClient(app.url('/push'), options);
    const reader = new Reader();
    const stop = snapshotOf<State, number>(push, 'orders.1', reader.handle);
    await stop.live;
    await write('orders.1', 3);
    await reader.until(() => reader.value === 3);
    expect(reader.steps).toEqual(['snapshot 1', 'event 2', 'event 3']);
    stop();
    const other = new Reader();
    await snapshotOf<State, number>(push, 'orders.2', other.handle).live;
    await write('orders.1', 4);
    await write('orders.2', 5);
    await other.until(() => other.value === 5);
    expect([reader.value, other.steps]).toEqual([3, ['snapshot 0', 'event 5']]);
  });

  it('resumes with events alone, and gets a fresh snapshot after a gap', async () => {
    const { app, write } = await start();
    const proxy = await TcpProxy.start(app.port);
    afterTest(() => proxy.dispose());
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, options);
    const reader = new Reader();
    await snapshotOf<State, number>(push, 'orders.1', reader.handle).live;
    await write('orders.1', 1);
    await reader.until(() => reader.value === 1);
    const cutWhile = async (run: () => Promise<unknown>) => {
      proxy.refuse();
      await run();
      proxy.heal();
    };
    await cutWhile(() => write('orders.1', 2));
    await reader.until(() => reader.value === 2);
    expect(reader.steps.splice(0)).toEqual(['snapshot 0', 'event 1', 'event 2']);
    await cutWhile(async () => {
      for (let value = 3; value < 10; value++) await write('orders.1', value);
    });
    await reader.until(() => reader.steps.includes('snapshot 9'));
    await write('orders.1', 10);
    await reader.until(() => reader.value === 10);
    expect(reader.steps.at(-1)).toBe('event 10');
  });

  it('does not wait for a topic whose state cannot be loaded, which is asked for again', async () => {
    const { app, database, write } = await start();
    database.failing.add('orders.1');
    const errors: string[] = [];
    const onError = (error: unknown) => errors.push((error as PushError).code);
    const push = openClient(app.url('/push'), { ...options, onError });
    const [late, other] = [new Reader(), new Reader()];
    const stop = snapshotOf<State, number>(push, 'orders.1', late.handle);
    await snapshotOf<State, number>(push, 'orders.2', other.handle).live;
    expect([errors.includes('SNAPSHOT_FAILED'), late.steps]).toEqual([true, []]);
    database.failing.clear();
    await stop.live;
    await write('orders.1', 1);
    await late.until(() => late.value === 1);
    expect(late.steps).toEqual(['snapshot 0', 'event 1']);
  });

  it('is told that a topic has no snapshots', async () => {
    const { app } = await start();
    const push = openClient(app.url('/push'), { ...options, onError: () => undefined });
    await expect(snapshotOf(push, 'news', () => undefined).live).rejects.toMatchObject({
      code: 'INVALID_TOPIC',
    });
  });

  it(`has the state of the database, whatever is written and wherever it is cut (seed ${seed})`, async () => {
    const { app, database, write } = await start({
      limits: { subscribe: { perSecond: 1_000, burst: 10_000 } },
    });
    const below = random(seed);
    database.meanwhile = () => new Promise((resolve) => setTimeout(resolve, below(5)));
    const push = openClient(app.url('/push'), options);
    const topics = ['orders.1', 'orders.2', 'orders.3'];
    const readers = topics.map(() => new Reader());
    const stops = topics.map((topic, index) =>
      snapshotOf<State, number>(push, topic, readers[index]!.handle),
    );
    for (let step = 1; step <= 150; step++) {
      for (let count = below(6); count > 0; count--) await write(topics[below(3)]!, step);
      if (below(12) === 0) app.cut();
      await new Promise((resolve) => setTimeout(resolve, below(8)));
    }
    await Promise.all(stops.map(({ live }) => live));
    for (const [index, topic] of topics.entries()) {
      const reader = readers[index]!;
      await reader.until(() => reader.value === database.orders.get(topic));
    }
  }, 180_000);
});
