import { PushLifecycle, PushModule, type PushOptions } from 'nestjs-push';
import { OrdersController } from './support/orders.js';
import { openRaw } from './support/raw-socket.js';
import { openStream } from './support/sse-reader.js';
import { platforms, startApp } from './support/start-app.js';
import { openHandshake } from './support/ws-frames.js';

const topics = [{ pattern: 'orders.>', access: 'public' as const }];
const door = '/push/events?topic=orders.1';

describe.each(platforms)('A connection on %s', (platform) => {
  const start = (options: PushOptions = {}) =>
    startApp(platform, {
      imports: [PushModule.forRoot({ topics, ...options })],
      controllers: [OrdersController],
    });

  it.each(['/orders/1/two', '/orders/plain/nest'])(
    'ends with its stream where the client asks for that: %s',
    async (path) => {
      const app = await start();
      for (const connection of ['close', 'Keep-Alive, Close']) {
        const raw = await openRaw(app.port, `GET ${path} HTTP/1.1`, 'Host: x', `Connection: ${connection}`);
        await raw.untilText('\r\n\r\n');
        await app.bus.publishMany([1, 2].map((data) => ({ topic: 'orders.1', data })));
        const text = await raw.untilClosed();
        expect(text).toMatch(/^connection: close\r$/im);
        expect(text).not.toMatch(/^connection: keep-alive\r$/im);
        expect(text).toMatch(/\r\n0\r\n\r\n$/);
      }
    },
  );

  it('ends with a refusal while the server shuts down, and says so', async () => {
    const app = await start();
    await app.nest.get(PushLifecycle).drain();
    const raw = await openRaw(app.port, `GET ${door} HTTP/1.1`, 'Host: x', 'Accept: text/event-stream');
    const text = await raw.untilClosed();
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toMatch(/^connection: close\r$/im);
    expect(text).toMatch(/\r\n0\r\n\r\n$/);
  });

  it('is refused an upgrade with a status that is not to be stored', async () => {
    const app = await start();
    await app.nest.get(PushLifecycle).drain();
    const raw = await openHandshake(app.port, '/push', 'Accept: text/event-stream');
    expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 503 [^]*^Cache-Control: no-store\r$/m);
  });

  it('takes the last of two last event ids, and an empty `from` for none', async () => {
    const app = await start();
    const ids = await app.bus.publishMany(['a', 'b'].map((data) => ({ topic: 'orders.1', data })));
    for (const path of [door, '/orders/1/events', '/orders/1/piped']) {
      const raw = await openRaw(
        app.port,
        `GET ${path} HTTP/1.1`,
        'Host: x',
        'Last-Event-ID: none of ours',
        `Last-Event-ID: ${ids[0]}`,
      );
      const text = await raw.untilText(`id: ${ids[1]}\n`);
      expect(text).not.toContain('push.gap');
      expect(text).not.toContain(`id: ${ids[0]}\n`);
    }
    const fresh = await openStream(app.url(`${door}&from=&lastEventId=`));
    await app.bus.publish('orders.1', 'c');
    await fresh.untilEvents(1);
    expect([fresh.data.map((data) => (JSON.parse(data) as { data: string }).data), fresh.gaps]).toEqual([
      ['c'],
      [],
    ]);
  });
});
