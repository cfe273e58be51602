import fastifyCompress from '@fastify/compress';
import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import { EventSource } from 'eventsource';
import { PushModule, type PushOptions } from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { startOrders } from './support/orders-app.js';
import { DeclaredController, OrdersController } from './support/orders.js';
import { openRaw } from './support/raw-socket.js';
import { openSse, openStream } from './support/sse-reader.js';
import { createApp, platforms, RunningApp, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

const topics = [{ pattern: 'public.>', access: 'public' as const }];

describe.each(platforms)('the bytes of SSE on %s', (platform) => {
  const start = (options: PushOptions = {}, configure?: (app: INestApplication) => unknown) =>
    startOrders(platform, { topics, ...options }, configure);

  /** A body with what differs from run to run replaced. */
  const golden = (body: string) => body.replace(/[0-9a-f]{12}-/g, 'EPOCH-').replace(/retry: \d+/, 'retry: N');

  it('are these', async () => {
    const app = await start({ retention: { events: 3 } });
    const first = await app.bus.publish('orders.1', 'gone');
    await app.bus.publish('orders.1', 'gone');
    await app.bus.publish('orders.1', 'text\r\nin\rlines\n', { type: 'note' });
    await app.bus.publish('orders.1', { json: 'a\r\n' });
    await app.bus.publish('orders.1', 'Grüße, 世界 🌍');
    const resumed = await openStream(app.url('/orders/1/events'), { headers: { 'last-event-id': first } });
    const fresh = await openStream(app.url('/orders/1/events'));
    const enveloped = await openStream(app.url('/orders/all/envelope'));
    await app.bus.publish('orders.1', ['live']);
    const id = await app.bus
      .publish('orders.1', '', { ephemeral: true })
      .then(() => app.bus.publish('orders.1', null));
    for (const reader of [resumed, fresh, enveloped]) await reader.until(() => reader.lastEventId === id);
    const opening = 'retry: N\nevent: push.start\nid: EPOCH-5\ndata: {"id":"EPOCH-5"}\n\n';
    const live = 'id: EPOCH-6\ndata: ["live"]\n\ndata: \n\nid: EPOCH-7\ndata: null\n\n';
    expect(golden(resumed.body)).toBe(
      '\n: \n\nretry: N\n\n' +
        'event: push.gap\nid: EPOCH-2\ndata: {"reason":"evicted","topics":["orders.1"],"id":"EPOCH-2"}\n\n' +
        'event: note\nid: EPOCH-3\ndata: text\ndata: in\ndata: lines\ndata: \n\n' +
        'id: EPOCH-4\ndata: {"json":"a\\r\\n"}\n\n' +
        'id: EPOCH-5\ndata: Grüße, 世界 🌍\n\n' +
        live,
    );
    expect(golden(fresh.body)).toBe(`\n: \n\n${opening}${live}`);
    expect(golden(enveloped.body)).toBe(
      `\n: \n\n${opening}` +
        'id: EPOCH-6\ndata: {"topic":"orders.1","data":["live"]}\n\n' +
        'data: {"topic":"orders.1","data":""}\n\n' +
        'id: EPOCH-7\ndata: {"topic":"orders.1","data":null}\n\n',
    );
  });

  it('are well-formed chunks on HTTP/1.1', async () => {
    const app = await start();
    const raw = await openRaw(app.port, 'GET /orders/1/two HTTP/1.1', 'Host: x');
    const direct = await openRaw(app.port, 'GET /orders/1/events HTTP/1.1', 'Host: x');
    for (const socket of [raw, direct]) await socket.untilText('retry: ');
    await app.bus.publish('orders.1', 'ü'.repeat(100));
    await app.bus.publish('orders.1', 'second');
    for (const socket of [raw, direct]) await socket.untilText('second');
    await raw.untilText('\r\n0\r\n\r\n');
    for (const { text } of [raw, direct]) {
      const [head, ...rest] = text.split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(head).toMatch(/^transfer-encoding: chunked$/im);
      const body = dechunk(Buffer.from(rest.join('\r\n\r\n')));
      expect(body).toMatch(/retry: \d+\n/);
      expect(body).toContain(`data: ${'ü'.repeat(100)}\n\n`);
      expect(body.endsWith('data: second\n\n')).toBe(true);
    }
  });

  it('are unframed on HTTP/1.0, whose clients read to the end', async () => {
    const app = await start();
    const raw = await openRaw(app.port, 'GET /orders/1/events HTTP/1.0');
    await raw.untilText('retry: ');
    await app.bus.publish('orders.1', 'x'.repeat(20));
    const text = await raw.untilText(`data: ${'x'.repeat(20)}\n\n`);
    expect(text).not.toMatch(/chunked/i);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toMatch(
      /^\n: \n\nretry: \d+\nevent: push.start\nid: \S+\ndata: \S+\n\nid: \S+\ndata: x{20}\n\n$/,
    );
  });

  it('wait, bounded, behind an answer that was asked for first on the same connection', async () => {
    const app = await start();
    const raw = await openRaw(
      app.port,
      'GET /orders/1/two HTTP/1.1',
      'Host: x',
      '',
      'GET /orders/2/events HTTP/1.1',
      'Host: x',
    );
    await eventually(() => app.bus.stats().connections === 2);
    await app.bus.publish('orders.2', 'second answer');
    await app.bus.publishMany([1, 2].map((data) => ({ topic: 'orders.1', data })));
    const text = await raw.untilText('second answer');
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(text.indexOf('data: 2')).toBeLessThan(text.lastIndexOf('HTTP/1.1 200'));
    const id = await app.bus.publish('orders.2', 'live');
    await raw.untilText(`id: ${id}\ndata: live\n\n`);
    raw.reset();
    await eventually(() => app.bus.stats().connections === 0);
  });

  it('leave the connection in order for the next request', async () => {
    const app = await start();
    const raw = await openRaw(app.port, 'GET /orders/1/two HTTP/1.1', 'Host: x');
    await raw.untilText('retry: ');
    await app.bus.publishMany([1, 2].map((data) => ({ topic: 'orders.1', data })));
    await raw.untilText('\r\n0\r\n\r\n');
    raw.send('GET /orders/page HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await raw.untilText('a page')).toMatch(/HTTP\/1\.1 200 OK[^]+HTTP\/1\.1 200 OK/);
  });

  it('end when the client closes its half', async () => {
    const app = await start();
    const raw = await openRaw(app.port, 'GET /orders/1/events HTTP/1.1', 'Host: x');
    await raw.untilText('retry: ');
    raw.socket.end();
    await raw.untilClosed();
    await eventually(() => app.bus.stats().connections === 0);
  });

  it.each(['/orders/1/events', '/orders/1/piped', '/declared/1/events'])(
    'carry nothing that data, types or topics could inject: %s',
    async (path) => {
      const app = await start();
      const reader = await openStream(app.url(path));
      const hostile = [
        'x\nid: 666\ndata: forged',
        'x\r\n\r\nevent: forged\r\ndata: forged',
        'x\rretry: 1\r\rdata: forged',
        'nul \0 and \u2028 and \u0085 and \ufeff',
        '\ndata: leading',
        ': comment',
        '  spaces  ',
      ];
      for (const data of hostile) await app.bus.publish('orders.1', data, { type: 'ordinary: type' });
      await reader.untilEvents(hostile.length);
      expect(reader.data).toEqual(hostile.map((data) => data.replace(/\r\n|\r/g, '\n')));
      expect(new Set(reader.events.map(({ type }) => type))).toEqual(new Set(['ordinary: type']));
      expect(reader.lastEventId).toBe(app.bus.stats().positions.head);
    },
  );

  it.each(['/orders/1/events', '/orders/1/piped', '/orders/1/intercepted', '/push/events?topic=public.1'])(
    'are not held back by compression: %s',
    async (path) => {
      const app = await start({}, async (nest) => {
        if (platform === 'express') nest.use(compression({ threshold: 0 }));
        else await (nest as NestFastifyApplication).register(fastifyCompress, { threshold: 0, global: true });
      });
      const accept = { headers: { 'accept-encoding': 'gzip' } };
      const page = await openSse(app.url('/orders/page'), accept);
      expect(page.response.headers['content-encoding']).toBe('gzip');
      const reader = await openStream(app.url(path), accept);
      for (const n of [1, 2, 3]) {
        await app.bus.publishMany(['orders.1', 'public.1'].map((topic) => ({ topic, data: n })));
        await reader.untilEvents(n);
      }
      reader.drop();
      await eventually(() => app.bus.stats().connections === 0);
    },
  );
});

describe.each(platforms)('the npm client eventsource on %s', (platform) => {
  it('loses and repeats nothing while its connections are destroyed', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ topics, retry: 10 })],
      controllers: [OrdersController],
    });
    const received: Record<string, number[]> = {};
    const paths = [
      '/orders/1/events',
      '/orders/1/piped',
      '/push/events?topic=public.*',
      '/orders/1/intercepted',
    ];
    for (const path of paths) {
      const list: number[] = (received[path] = []);
      const source = new EventSource(app.url(path));
      afterTest(() => source.close());
      source.addEventListener('message', ({ data }) =>
        list.push(Number(/\d+/.exec(String(data).replace('public.1', ''))![0])),
      );
      await new Promise<void>((resolve) => source.addEventListener('open', () => resolve(), { once: true }));
    }
    await eventually(() => app.bus.stats().connections === paths.length);
    const count = 400;
    for (let n = 0; n < count; n++) {
      await app.bus.publishMany(['orders.1', 'public.1'].map((topic) => ({ topic, data: n })));
      if (n % 50 === 20) app.cut();
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => paths.every((path) => received[path]!.at(-1) === count - 1));
    const expected = Array.from({ length: count }, (_, n) => n);
    for (const path of paths) expect(received[path]).toEqual(expected);
    expect(app.bus.stats().gaps).toBe(0);
  });
});

describe('two applications in one process', () => {
  it('serve the same controllers, each its own', async () => {
    const metadata = { imports: [PushModule.forRoot()], controllers: [OrdersController, DeclaredController] };
    const apps = [await createApp('express', metadata), await createApp('express', metadata)].map(
      (nest) => new RunningApp(nest),
    );
    for (const app of apps) {
      afterTest(() => app.close());
      await app.nest.listen(0, '127.0.0.1');
    }
    for (const [index, app] of apps.entries()) {
      for (const path of ['/orders/1/events', '/orders/1/piped', '/declared/1/events']) {
        const reader = await openStream(app.url(path));
        await app.bus.publish('orders.1', index);
        expect(await reader.untilEvents(1)).toMatchObject([{ data: String(index) }]);
      }
    }
  });
});

/** The body of a chunked message (RFC 9112, section 7.1); throws if the framing is wrong. */
function dechunk(bytes: Buffer): string {
  const parts: Buffer[] = [];
  while (bytes.length > 0) {
    const end = bytes.indexOf('\r\n');
    const size = bytes.subarray(0, end).toString();
    if (!/^[0-9a-f]+$/i.test(size)) throw new Error(`not a chunk size: ${JSON.stringify(size)}`);
    const length = parseInt(size, 16);
    const data = end + 2;
    if (bytes.subarray(data + length, data + length + 2).toString() !== '\r\n')
      throw new Error('a chunk has no end');
    parts.push(bytes.subarray(data, data + length));
    bytes = bytes.subarray(data + length + 2);
  }
  return Buffer.concat(parts).toString();
}
