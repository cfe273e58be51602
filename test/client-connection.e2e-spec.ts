import { PushLifecycle } from 'nestjs-push';
import type { ConnectOptions, TransportName } from 'nestjs-push-client';
import { afterTest } from './support/cleanup.js';
import { ClientRecord, openClient, startPublic } from './support/client-app.js';
import { HttpProxy } from './support/http-proxy.js';
import type { RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

const transports: readonly TransportName[] = ['websocket', 'sse'];

/** Publishes the numbers from `first` to `last` to `a.1`. */
async function count(app: RunningApp, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number++) await app.bus.publish('a.1', number);
}

function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

async function throughTcp(app: RunningApp): Promise<{ proxy: TcpProxy; url: string }> {
  const proxy = await TcpProxy.start(app.port);
  afterTest(() => proxy.dispose());
  return { proxy, url: `http://127.0.0.1:${proxy.port}/push` };
}

describe('The transport', () => {
  it.each(['refuse', 'swallow'] as const)(
    'is SSE while a proxy will %s WebSockets, then a WebSocket, and nothing is missed or repeated',
    async (upgrades) => {
      const app = await startPublic();
      const proxy = await HttpProxy.start(app.port);
      proxy.upgrades = upgrades;
      const push = openClient(`${proxy.url}/push`, { timeout: 300, upgradeAfter: 100 });
      const record = new ClientRecord(push);
      await record.read('a.*');
      expect(push.transport).toBe('sse');
      await count(app, 1, 5);
      proxy.cut();
      await count(app, 6, 10);
      await record.untilHandled(10);
      proxy.upgrades = 'pass';
      for (let number = 11; push.transport !== 'websocket' || number < 20; number++) {
        await count(app, number, number);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const last = Number(app.bus.stats().positions.head.split('-')[1]);
      await count(app, last + 1, last + 5);
      await record.untilHandled(last + 5);
      expect(record.handled).toEqual(numbers(last + 5));
      expect(record.gaps).toEqual([]);
      await eventually(() => app.bus.stats().connections === 1);
    },
  );

  it('comes back to SSE when WebSockets are blocked later', async () => {
    const app = await startPublic();
    const proxy = await HttpProxy.start(app.port);
    const push = openClient(`${proxy.url}/push`);
    const record = new ClientRecord(push);
    await record.read('a.*');
    expect(push.transport).toBe('websocket');
    proxy.upgrades = 'refuse';
    proxy.cut();
    await record.untilStatus('sse');
    await count(app, 1, 3);
    await record.untilHandled(3);
    expect(record.handled).toEqual([1, 2, 3]);
  });

  it('is what the application has chosen', async () => {
    const app = await startPublic();
    for (const name of transports) {
      const push = openClient(app.url('/push'), { transports: [name] });
      await new ClientRecord(push).read('a.*');
      expect(push.transport).toBe(name);
    }
  });

  it('is named when it does not exist here', () => {
    // From Node 22 on there is one.
    const { WebSocket } = globalThis as { WebSocket?: unknown };
    afterTest(() => Object.assign(globalThis, { WebSocket }));
    Object.assign(globalThis, { WebSocket: undefined });
    expect(() =>
      openClient('http://127.0.0.1:1/push', { transports: ['websocket'], webSocket: undefined }),
    ).toThrow(/webSocket/);
  });
});

describe.each(transports)('A connection over %s', (name) => {
  const options: ConnectOptions = { transports: [name] };

  it('changes its topics without missing anything of the others, and without a reconnect', async () => {
    const app = await startPublic();
    const push = openClient(app.url('/push'), options);
    const record = new ClientRecord(push);
    await record.read('a.1');
    const other: unknown[] = [];
    for (let round = 0; round < 5; round++) {
      const stop = push.on('b.*', (data) => other.push(data));
      await count(app, round * 3 + 1, round * 3 + 1);
      await stop.live;
      await app.bus.publish('b.1', round);
      await count(app, round * 3 + 2, round * 3 + 3);
      await record.untilHandled(round * 3 + 3);
      stop();
      await app.bus.publish('b.1', 'nobody reads');
    }
    expect(record.handled).toEqual(numbers(15));
    expect(other).toEqual([0, 1, 2, 3, 4]);
    expect(record.statuses).toEqual([name]);
  });

  it('brings events also while its topics change all the time', async () => {
    const app = await startPublic();
    const record = new ClientRecord(openClient(app.url('/push'), options));
    await record.read('a.1');
    let last = 0;
    while (record.handled.length < 50) {
      await count(app, ++last, last);
      const stop = record.push.on(`b.${last}`, () => undefined);
      await new Promise((resolve) => setTimeout(resolve, 5));
      stop();
    }
    await record.untilHandled(last);
    expect(record.handled).toEqual(numbers(last));
  });

  it('that is dead is noticed by its silence, and resumed', async () => {
    const app = await startPublic({ heartbeat: 150 });
    const { proxy, url } = await throughTcp(app);
    const record = new ClientRecord(openClient(url, options));
    await record.read('a.*');
    await count(app, 1, 3);
    await record.untilHandled(3);
    proxy.blackhole();
    await count(app, 4, 6);
    await record.untilStatus('waiting');
    proxy.heal();
    await record.untilHandled(6);
    expect(record.handled).toEqual(numbers(6));
  });

  it('that is quiet is left alone', async () => {
    // The client waits for twice that before it takes a server for dead: a busy machine takes less.
    const app = await startPublic({ heartbeat: 2_500 });
    const record = new ClientRecord(openClient(app.url('/push'), options));
    await record.read('a.*');
    for (let heartbeats = 0; heartbeats < 3; heartbeats++) {
      const { position } = record.push;
      await app.bus.publish('b', heartbeats);
      // Only heartbeats move it.
      await eventually(() => record.push.position !== position);
    }
    expect(record.statuses).toEqual([name]);
  });

  it('comes back when the server that shuts down says so', async () => {
    const app = await startPublic({ retry: 3_000 });
    const { proxy, url } = await throughTcp(app);
    const other = await startPublic();
    const record = new ClientRecord(openClient(url, options));
    await record.read('a.*');
    const draining = app.nest.get(PushLifecycle).drain();
    await record.untilStatus('waiting');
    const { retryIn } = record.changes.at(-1)!;
    expect(retryIn).toBeGreaterThanOrEqual(1_500);
    expect(retryIn).toBeLessThanOrEqual(4_500);
    await draining;
    record.push.reconnect();
    if (name === 'sse') {
      await record.untilStatus('waiting', 2);
      // Of the header Retry-After, in whole seconds.
      expect(record.changes.at(-1)!.retryIn! % 1_000).toBe(0);
    }
    proxy.redirect(other.port);
    record.push.reconnect();
    await record.untilStatus(name, 2);
  });

  it('to a server that has begun another log tells the gap once, and goes on', async () => {
    const app = await startPublic();
    const { proxy, url } = await throughTcp(app);
    const record = new ClientRecord(openClient(url, options));
    await record.read('a.1');
    await record.read('b.*');
    await app.bus.publish('b.1', 'before');
    await record.untilHandled(1);
    const other = await startPublic();
    proxy.redirect(other.port);
    await record.untilStatus(name, 2);
    await eventually(() => other.bus.stats().subscriptions === 2);
    await other.bus.publish('a.1', 'after');
    await record.untilHandled(2);
    proxy.reset();
    await other.bus.publish('a.1', 'later');
    await record.untilHandled(3);
    expect(record.handled).toEqual(['before', 'after', 'later']);
    expect(record.gaps).toEqual(['epoch a.1 b.*']);
  });

  it('goes on where the page was left', async () => {
    const app = await startPublic();
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    };
    const first = new ClientRecord(openClient(app.url('/push'), { ...options, storage }));
    await first.read('a.*');
    await count(app, 1, 2);
    await first.untilHandled(2);
    first.push.close();
    await count(app, 3, 4);
    const second = new ClientRecord(openClient(app.url('/push'), { ...options, storage }));
    await second.read('a.*');
    await second.untilHandled(2);
    expect(second.handled).toEqual([3, 4]);
  });

  it('ends with a signal, and leaves nothing behind', async () => {
    const app = await startPublic();
    const controller = new AbortController();
    const push = openClient(app.url('/push'), { ...options, signal: controller.signal });
    const record = new ClientRecord(push);
    await record.read('a.*');
    const loop = (async () => {
      for await (const event of push.events('a.*')) expect(event).toBeUndefined();
    })();
    const waiting = push.publish('a.1', 1, { signal: AbortSignal.abort(new Error('enough')) });
    await expect(waiting).rejects.toThrow('enough');
    controller.abort();
    await loop;
    expect(push.status).toBe('closed');
    await eventually(() => app.bus.stats().connections === 0);
    await expect(push.publish('a.1', 1)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
