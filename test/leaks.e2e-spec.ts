import { Injectable, type Provider } from '@nestjs/common';
import { OnPushConnect, OnPushDisconnect, OnPushSubscribe, PushModule } from 'nestjs-push';
import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OrdersController } from './support/orders.js';
import { startApp, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { clientFrame } from './support/ws-frames.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Hooks that take a turn: clients that are gone by then are a case of their own. */
@Injectable()
class TardyHooks {
  connected = 0;
  disconnected = 0;

  @OnPushConnect()
  async connect(): Promise<void> {
    this.connected++;
    await new Promise((resolve) => setImmediate(resolve));
  }

  @OnPushSubscribe()
  async subscribe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  @OnPushDisconnect()
  async disconnect(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.disconnected++;
  }
}

const get = (path: string, ...headers: string[]) => ['GET', path, 'HTTP/1.1\r\nHost: x', ...headers];
const request = (path: string, ...headers: string[]) => {
  const [method, target, rest, ...more] = get(path, ...headers);
  return `${method} ${target} ${[rest, ...more].join('\r\n')}\r\n\r\n`;
};
const handshake = () =>
  request(
    '/push',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  );
const subscribe = (from: string) =>
  clientFrame(
    JSON.stringify({ event: 'subscribe', data: { topics: ['public.*', 'public.1'], from, ref: 'r' } }),
  );

/** How a client comes and goes: what it sends, what it waits for, how it leaves. */
interface Visit {
  readonly say: () => (string | Buffer)[];
  /** Leaves when the answer holds this; at once without it. */
  readonly until?: string;
  readonly leave: (socket: Socket) => void;
}

const reset = (socket: Socket) => socket.resetAndDestroy();
const destroy = (socket: Socket) => socket.destroy();
const finish = (socket: Socket) => socket.end();

const replay = '/push/events?topic=public.*&topic=public.1&from=earliest';

const visits: readonly Visit[] = [
  // SSE: before the answer, at its start, during replay, live; refused; with a pipe, later, only the headers
  { say: () => [request('/orders/1/events')], leave: reset },
  { say: () => [request(replay)], leave: destroy },
  { say: () => [request(replay)], until: 'HTTP/1.1 200', leave: reset },
  { say: () => [request(replay)], until: 'HTTP/1.1 200', leave: finish },
  { say: () => [request('/orders/1/events')], until: 'retry: ', leave: destroy },
  { say: () => [request('/orders/1/events', 'Last-Event-ID: junk')], until: 'push.gap', leave: reset },
  { say: () => [request('/orders/1/piped')], until: 'retry: ', leave: reset },
  { say: () => [request('/orders/1/piped')], leave: reset },
  { say: () => [request('/orders/1/async')], leave: finish },
  {
    say: () => [request('/push/events?topic=secret', 'Connection: close')],
    until: 'FORBIDDEN',
    leave: destroy,
  },
  // WebSocket: in the middle of the handshake, right after it, during replay, live, with a close; refused
  { say: () => [handshake().slice(0, 60)], leave: reset },
  { say: () => [handshake()], leave: reset },
  { say: () => [handshake()], until: '"hello"', leave: destroy },
  { say: () => [handshake(), subscribe('earliest')], until: '"hello"', leave: reset },
  { say: () => [handshake(), subscribe('earliest')], until: '"subscribed"', leave: reset },
  { say: () => [handshake(), subscribe('now')], until: '"subscribed"', leave: destroy },
  { say: () => [handshake(), subscribe('last')], leave: finish },
  {
    say: () => [handshake(), subscribe('now'), clientFrame(Buffer.from([3, 232]), { opcode: 8 })],
    until: 'subscribed',
    leave: finish,
  },
  { say: () => [handshake(), clientFrame('{}', { opcode: 5 })], until: '"hello"', leave: destroy },
  { say: () => [handshake().replace('/push', '/nobody')], leave: reset },
];

function pay(port: number, { say, until, leave }: Visit): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      for (const bytes of say()) socket.write(bytes);
      if (until === undefined) setImmediate(() => leave(socket));
    });
    let text = '';
    let hasLeft = until === undefined;
    socket.on('data', (bytes: Buffer) => {
      if (hasLeft) return;
      text += bytes.toString('latin1');
      hasLeft = text.includes(until!);
      if (hasLeft) leave(socket);
    });
    socket.on('error', () => undefined).on('close', () => resolve());
  });
}

/** `cycles` visits of all kinds, a hundred at a time. */
async function drive(app: RunningApp, cycles: number): Promise<void> {
  let next = 0;
  const guest = async () => {
    while (next < cycles) await pay(app.port, visits[next++ % visits.length]!);
  };
  await Promise.all(Array.from({ length: 100 }, guest));
  await eventually(() => app.sockets.size === 0 && app.bus.stats().connections === 0);
}

function listeners(...emitters: EventEmitter[]): Record<string, number>[] {
  return emitters.map((emitter) =>
    Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)])),
  );
}

function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const cycles = 5_000;
const warmUp = 1_000;

describe.each<[Platform, Provider[]]>([
  ['express', []],
  ['fastify', [TardyHooks]],
])('thousands of connections that come and go, on %s', (platform, providers) => {
  it('leave nothing behind', async () => {
    const app = await startApp(platform, {
      imports: [
        PushModule.forRoot({
          topics: [{ pattern: 'public.>', access: 'public' }],
          heartbeat: 2_000,
          retention: { events: 60 },
        }),
      ],
      controllers: [OrdersController],
      providers,
    });
    const warnings: string[] = [];
    const warn = ({ message }: Error) => warnings.push(message);
    process.on('warning', warn);
    const filling = 'x'.repeat(4_000);
    for (let n = 0; n < 240; n++) await app.bus.publish(n % 4 ? `public.${n % 4}` : 'orders.1', filling);
    let isOver = false;
    const publishing = (async () => {
      for (let n = 0; !isOver; n++) {
        await app.bus.publish(n % 2 ? 'orders.1' : 'public.1', filling);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await drive(app, warmUp);
    collectGarbage();
    const heapBefore = process.memoryUsage().heapUsed;
    const resourcesBefore = resources();
    const listening = listeners(app.server, process);
    await drive(app, cycles - warmUp);
    collectGarbage();
    await eventually(() => isDeepStrictEqual(resources(), resourcesBefore));
    expect(listeners(app.server, process)).toEqual(listening);
    isOver = true;
    await publishing;
    const grown = (process.memoryUsage().heapUsed - heapBefore) / (cycles - warmUp);
    expect(grown).toBeLessThan(1_000);
    expect(app.bus.stats()).toMatchObject({ connections: 0, subscriptions: 0, audiences: 0, behind: 0 });
    expect(await new Promise((resolve) => app.server.getConnections((_, open) => resolve(open)))).toBe(0);
    expect(warnings).toEqual([]);
    process.off('warning', warn);
    if (providers.length === 0) return;
    const hooks = app.nest.get(TardyHooks);
    await eventually(() => hooks.disconnected > 0);
    expect(hooks.connected).toBeGreaterThanOrEqual(hooks.disconnected);
  }, 240_000);
});
