import type { ConnectOptions, TransportName } from 'nestjs-push-client';
import { from, map, take, toArray } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { ClientRecord, openClient, startBoard, startPublic } from './support/client-app.js';
import { HttpProxy } from './support/http-proxy.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

// For a busy machine.
const transports: readonly TransportName[] = ['websocket', 'sse'];

/** So fast that no limit of the server is reached. */
const generous = { perSecond: 10_000, burst: 10_000 };
const limits = { publish: generous, publishPerPrincipal: generous };

function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

describe.each(transports)('Publishing over %s', (name) => {
  const options: ConnectOptions = { transports: [name], token: () => 'ann' };

  it('resolves with the id of the stored event, which comes back unless it should not', async () => {
    const { app } = await startBoard();
    const record = new ClientRecord(openClient(app.url('/push'), options));
    await record.read('board.log');
    const id = await record.push.publish('board.log', 1);
    expect(id).toBe(app.bus.stats().positions.head);
    await record.push.publish('board.log', 2, { echo: false });
    await expect(record.push.publish('board.log', 3, { ephemeral: true })).resolves.toBeUndefined();
    await record.untilHandled(2);
    expect(record.handled).toEqual([1, 3]);
  });

  it('keeps its own events back after a reconnect, and when the answer was lost', async () => {
    const { app } = await startBoard({ retry: 100 });
    const proxy = await TcpProxy.start(app.port);
    afterTest(() => proxy.dispose());
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, { ...options, maxRetryDelay: 100 });
    const record = new ClientRecord(push);
    // On a stream that is on its way, too.
    const early = push.publish('board.log', 'early', { echo: false });
    await record.read('board.log');
    await early;
    await push.publish('board.log', 'cut before anything newer came', { echo: false });
    proxy.reset();
    await record.untilStatus(name, 2);
    proxy.holdAnswers();
    const repeated = push.publish('board.log', 'its answer is lost', { echo: false });
    await eventually(() => app.bus.stats().window.events === 3);
    proxy.reset();
    await repeated;
    await app.bus.publish('board.log', 'last');
    await record.untilHandled(1);
    expect(record.handled).toEqual(['last']);
  });

  it.each([2 ** 40, Infinity])(
    'waits with a timeout of %d ms, which no timer can wait for',
    async (timeout) => {
      const { app } = await startBoard();
      const push = openClient(app.url('/push'), { ...options, timeout });
      for (const n of numbers(20)) await push.publish('board.log', n, { messageId: String(n) });
      expect(app.bus.stats().window.events).toBe(20);
    },
  );

  it('rejects with what the server says', async () => {
    const { app } = await startBoard();
    const push = openClient(app.url('/push'), options);
    await expect(push.publish('a.1', 1)).rejects.toMatchObject({ code: 'FORBIDDEN', retryable: false });
    await expect(push.publish('a..1', 1)).rejects.toMatchObject({ code: 'INVALID_TOPIC' });
    await expect(push.publish('board.log', 1, { type: 7 as never })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringMatching(/type/),
      details: [expect.stringMatching(/^type/)],
    });
    await expect(push.publish('board.log', 'x'.repeat(70_000))).rejects.toMatchObject({
      code: 'DATA_TOO_LARGE',
    });
  });

  it('waits for a connection, and stores what lost its answer once', async () => {
    const { app } = await startBoard({ limits });
    const reader = new ClientRecord(openClient(app.url('/push'), options));
    await reader.read('board.log');
    const proxy = await TcpProxy.start(app.port);
    afterTest(() => proxy.dispose());
    const writer = new ClientRecord(openClient(`http://127.0.0.1:${proxy.port}/push`, options));
    await writer.untilStatus(name);
    const answers: Promise<string | undefined>[] = [];
    let next = 0;
    const publish = (count: number) => {
      for (; count > 0; count--) answers.push(writer.push.publish('board.log', ++next));
    };
    for (let round = 0; round < 10; round++) {
      publish(5);
      proxy.holdAnswers();
      publish(5);
      await eventually(() => reader.handled.length > round * 20);
      proxy.refuse();
      publish(5);
      proxy.heal();
      publish(5);
      await Promise.all(answers);
    }
    await reader.untilHandled(200);
    expect(reader.handled).toEqual(numbers(200));
    expect(new Set(await Promise.all(answers)).size).toBe(200);
  });

  it('keeps to the pace that the server allows', async () => {
    const { app } = await startBoard({
      limits: { publish: { perSecond: 40, burst: 20 }, publishPerPrincipal: { perSecond: 40, burst: 20 } },
    });
    const record = new ClientRecord(openClient(app.url('/push'), options));
    await record.read('board.log');
    await Promise.all(numbers(60).map((data) => record.push.publish('board.log', data)));
    await record.untilHandled(60);
    expect(record.handled.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(60));
  });
});

describe('Reading', () => {
  it('is not disturbed by a handler that throws', async () => {
    const app = await startPublic();
    const errors: unknown[] = [];
    const push = openClient(app.url('/push'), { onError: (error) => errors.push(error) });
    push.on('a.*', () => {
      throw new Error('first');
    });
    push.on('a.*', () => Promise.reject(new Error('second')));
    push.onStatus(() => {
      throw new Error('status');
    });
    const record = new ClientRecord(push);
    await record.read('a.*');
    await app.bus.publish('a.1', 1);
    await app.bus.publish('a.1', 2);
    await record.untilHandled(2);
    await eventually(() => errors.length === 5);
    expect(errors.map((error) => (error as Error).message).toSorted()).toEqual(
      ['first', 'first', 'second', 'second', 'status'].toSorted(),
    );
  });

  it('in a loop that is slower than the events loses none', async () => {
    const app = await startPublic();
    const push = openClient(app.url('/push'));
    const record = new ClientRecord(push);
    await record.read('a.*');
    const read: unknown[] = [];
    const loop = (async () => {
      for await (const { data } of push.events('a.*', { from: 'earliest', limit: 8 })) {
        read.push(data);
        await new Promise((resolve) => setImmediate(resolve));
        if (read.length === 300) return;
      }
    })();
    for (const data of numbers(300)) await app.bus.publish('a.1', data);
    await loop;
    expect(read).toEqual(numbers(300));
    await eventually(() => app.bus.stats().subscriptions === 1);
  });

  it('goes through RxJS', async () => {
    const app = await startPublic();
    for (const data of numbers(5)) await app.bus.publish('a.1', data);
    const push = openClient(app.url('/push'));
    const data = await new Promise((resolve, reject) => {
      from(push.events('a.*', { from: 'earliest' }))
        .pipe(
          map((event) => event.data),
          take(5),
          toArray(),
        )
        .subscribe({ next: resolve, error: reject });
    });
    expect(data).toEqual(numbers(5));
    await eventually(() => app.bus.stats().subscriptions === 0);
  });

  it('is of the newest of each topic, and then live, from `last`', async () => {
    const app = await startPublic();
    await app.bus.publish('a.1', 'old');
    await app.bus.publish('a.1', 'new');
    await app.bus.publish('a.2', 'only');
    const record = new ClientRecord(openClient(app.url('/push')));
    record.push.on('a.*', (data) => record.handled.push(data), { from: 'last' });
    await record.read('b');
    await eventually(() => record.handled.length === 2);
    expect(record.handled).toEqual(['new', 'only']);
  });
});

describe('Publishing over SSE', () => {
  it('goes on over another connection when the one that carries a request dies in silence', async () => {
    const app = await startBoard();
    const proxy = await HttpProxy.start(app.app.port);
    const options = { transports: ['sse'], token: () => 'ann', timeout: 3_000 } as const;
    const record = new ClientRecord(openClient(`${proxy.url}/push`, options));
    await record.read('board.log');
    proxy.swallowed.add('/push/publish');
    const answers = [1, 2, 3].map((number) => record.push.publish('board.log', number));
    expect(new Set(await Promise.all(answers)).size).toBe(3);
    await record.untilHandled(3);
    expect(record.handled).toEqual([1, 2, 3]);
    expect(proxy.swallowed.size).toBe(0);
    // The stream was not to blame, and stayed.
    expect(record.statuses).toEqual(['sse']);
  });

  it('is refused in words also where HTTP has none', async () => {
    const app = await startBoard();
    // As a proxy answers over HTTP/2: no status text, no body.
    const fetchBare: typeof fetch = async (input, init) => {
      const isPublish = new URL(String(input)).pathname.endsWith('/publish');
      return isPublish ? new Response('', { status: 403 }) : fetch(input, init);
    };
    const options = { transports: ['sse'], token: () => 'ann', fetch: fetchBare } as const;
    const record = new ClientRecord(openClient(app.app.url('/push'), options));
    await record.read('board.log');
    await expect(record.push.publish('board.log', 1)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringMatching(/403/),
    });
  });
});
