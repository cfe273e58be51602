import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { PushModule } from 'nestjs-push';
import { connect, type TransportName } from 'nestjs-push-client';
import { bindQueries } from 'nestjs-push-client/tanstack-query';
import WebSocket from 'ws';
import { afterTest } from './support/cleanup.js';
import { openClient } from './support/client-app.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { Watched } from './support/watched.js';

function start(): Promise<RunningApp> {
  const topics = [
    { pattern: 'state.*', access: 'public' as const, state: true },
    { pattern: 'secret.*' },
    { pattern: '>', access: 'public' as const },
  ];
  return startApp('express', { imports: [PushModule.forRoot({ topics, heartbeat: 1_000 })] });
}

/** Queries that tell how often they were asked for; each answer is the number of the question. */
class Queries extends Watched {
  readonly client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  readonly asked = new Map<string, number>();
  /** Answers wait for it. */
  gate: Promise<void> = Promise.resolve();

  constructor() {
    super();
    this.client.mount();
    afterTest(() => {
      this.client.clear();
      this.client.unmount();
    });
    this.client.getQueryCache().subscribe(() => this.changed());
  }

  /** Observes a query, and resolves when it has been answered. */
  observe(...key: string[]): Promise<void> {
    const name = key.join('.');
    const observer = new QueryObserver(this.client, {
      queryKey: key,
      queryFn: async () => {
        const count = (this.asked.get(name) ?? 0) + 1;
        this.asked.set(name, count);
        this.changed();
        await this.gate;
        return { count };
      },
    });
    afterTest(observer.subscribe(() => this.changed()));
    return this.until(() => this.data(...key) !== undefined);
  }

  data(...key: string[]): unknown {
    return this.client.getQueryData(key);
  }

  get isIdle(): boolean {
    return this.client.isFetching() === 0;
  }

  counts(): Record<string, number> {
    return Object.fromEntries(this.asked);
  }
}

describe.each<TransportName>(['websocket', 'sse'])('Queries bound to topics over %s', (transport) => {
  it('are asked for again after events, once for all of a turn', async () => {
    const app = await start();
    const queries = new Queries();
    const push = openClient(app.url('/push'), { transports: [transport] });
    const stop = bindQueries(queries.client, push, {
      'orders.*': ['orders'],
      'stock.*': { key: ['stock'], of: ({ topic }) => ['stock', topic.split('.')[1]] },
    });
    await stop.live;
    for (const key of [['orders'], ['orders', '1'], ['stock', 'a'], ['stock', 'b'], ['others']])
      await queries.observe(...key);
    await app.bus.publish('stock.a', 1);
    await queries.until(() => queries.asked.get('stock.a') === 2 && queries.isIdle);
    await app.bus.publishMany([1, 2, 3].map((data) => ({ topic: `orders.${data}`, data })));
    await queries.until(() => queries.asked.get('orders') === 2 && queries.isIdle);
    expect(queries.counts()).toEqual({ orders: 2, 'orders.1': 2, 'stock.a': 2, 'stock.b': 1, others: 1 });
    stop();
    await app.bus.publish('orders.1', 1);
    const end = push.on('orders.*', () => undefined, { from: 'last' });
    await end.live;
    expect(queries.asked.get('orders')).toBe(2);
  });

  it('get their data from events, unless they have none, or an older answer is on its way', async () => {
    const app = await start();
    const queries = new Queries();
    const push = openClient(app.url('/push'), { transports: [transport] });
    const stop = bindQueries(queries.client, push, {
      'prices.*': {
        key: ['price'],
        of: ({ topic }) => ['price', topic.slice(7)],
        set: ({ data }, old: { count: number }) => ({ ...old, price: data }),
      },
    });
    await stop.live;
    await queries.observe('price', 'a');
    await app.bus.publish('prices.b', 1);
    await app.bus.publish('prices.a', 2);
    await queries.until(() => JSON.stringify(queries.data('price', 'a')) === '{"count":1,"price":2}');
    expect(queries.data('price', 'b')).toBeUndefined();
    let open!: () => void;
    queries.gate = new Promise((resolve) => (open = resolve));
    const refetched = queries.client.invalidateQueries({ queryKey: ['price', 'a'] });
    await queries.until(() => queries.asked.get('price.a') === 2);
    await app.bus.publish('prices.a', 3);
    await queries.until(() => queries.asked.get('price.a') === 3);
    open();
    await refetched;
    await queries.until(() => queries.isIdle);
    expect(queries.data('price', 'a')).toEqual({ count: 3 });
  });

  it('are asked for again once after a gap, and not after a cut', async () => {
    const [app, other] = [await start(), await start()];
    const proxy = await TcpProxy.start(app.port);
    afterTest(() => proxy.dispose());
    const queries = new Queries();
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, { transports: [transport] });
    const stop = bindQueries(queries.client, push, {
      'orders.*': ['orders'],
      'bills.*': ['orders', 'bills'],
      'state.*': { key: ['state'], set: ({ data }) => data },
    });
    await stop.live;
    for (const key of [['orders', 'bills'], ['state'], ['others']]) await queries.observe(...key);
    proxy.reset();
    await app.bus.publish('orders.1', 1);
    await queries.until(() => queries.asked.get('orders.bills') === 2 && queries.isIdle);
    expect(queries.counts()).toEqual({ 'orders.bills': 2, state: 1, others: 1 });
    const told = new Promise((resolve) => push.onGap(resolve));
    proxy.redirect(other.port);
    await told;
    await queries.until(() => queries.asked.get('state') === 2 && queries.isIdle);
    await other.bus.publish('state.1', 'set');
    await queries.until(() => queries.data('state') === 'set');
    await other.bus.remove('state.1');
    await queries.until(() => queries.asked.get('state') === 3 && queries.isIdle);
    // The two patterns have keys of their own, and share this query.
    expect(queries.asked.get('orders.bills')).toBeLessThanOrEqual(4);
    expect(queries.asked.get('others')).toBe(1);
  });
});

it('Steady events do not keep an answer away, and the last one is never missed', async () => {
  const app = await start();
  const queries = new Queries();
  const stop = bindQueries(queries.client, openClient(app.url('/push')), { 'orders.*': ['orders'] });
  await stop.live;
  await queries.observe('orders');
  let open!: () => void;
  queries.gate = new Promise((resolve) => (open = resolve));
  await app.bus.publish('orders.1', 0);
  await queries.until(() => queries.asked.get('orders') === 2);
  for (let n = 1; n <= 20; n++) await app.bus.publish('orders.1', n);
  const push = openClient(app.url('/push'));
  await push.on('orders.1', () => undefined, { from: 'last' }).live;
  expect(queries.asked.get('orders')).toBe(2);
  open();
  await queries.until(() => queries.asked.get('orders') === 3 && queries.isIdle);
  expect(queries.data('orders')).toEqual({ count: 3 });
});

it('What was asked for before the subscription began is asked for again', async () => {
  const app = await start();
  const queries = new Queries();
  await queries.observe('orders');
  await queries.observe('others');
  const stop = bindQueries(queries.client, openClient(app.url('/push')), { 'orders.*': ['orders'] });
  await stop.live;
  await queries.until(() => queries.asked.get('orders') === 2 && queries.isIdle);
  expect(queries.asked.get('others')).toBe(1);
});

it('A binding that throws is reported, and a refusal rejects', async () => {
  const app = await start();
  const queries = new Queries();
  const errors: unknown[] = [];
  const push = openClient(app.url('/push'), { onError: (error) => errors.push(error) });
  const of = () => {
    throw new RangeError('of');
  };
  await bindQueries(queries.client, push, { 'orders.*': { key: ['orders'], of } }).live;
  await app.bus.publish('orders.1', 1);
  await queries.observe('orders');
  await push.on('orders.*', () => undefined, { from: 'last' }).live;
  expect(errors).toEqual([expect.any(RangeError)]);
  const refused = bindQueries(queries.client, push, { 'orders.*': ['orders'], 'secret.*': ['secret'] });
  await expect(refused.live).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

it('Bindings are typed by the declared topics', () => {
  const bind = (): unknown => {
    const push = connect<{ 'orders.*': { status: string } }>('http://127.0.0.1/push', {
      webSocket: WebSocket,
    });
    const client = new QueryClient();
    bindQueries(client, push, { 'orders.*': { key: ['orders'], of: ({ data }) => [data.status.length] } });
    // @ts-expect-error: no topic of these is declared
    bindQueries(client, push, { 'order.*': ['orders'] });
    // @ts-expect-error: it is a string
    return bindQueries(client, push, { 'orders.1': { key: [], of: ({ data }) => [data.status.size] } });
  };
  expect(bind).toBeInstanceOf(Function);
});
