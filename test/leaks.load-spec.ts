import { Injectable } from '@nestjs/common';
import fc from 'fast-check';
import { OnPushConnect, OnPushDisconnect, OnPushSubscribe, PushModule } from 'nestjs-push';
import { createHook } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterTest } from './support/cleanup.js';
import { OrdersController } from './support/orders.js';
import { platforms, startApp, type RunningApp } from './support/start-app.js';
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

const request = (path: string, ...headers: string[]) =>
  `${['GET ' + path + ' HTTP/1.1', 'Host: x', ...headers].join('\r\n')}\r\n\r\n`;

const handshake = (path = '/push') =>
  request(
    path,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  );

const subscribe = (from: string) =>
  clientFrame(
    JSON.stringify({ event: 'subscribe', data: { topics: ['public.*', 'public.1'], from, ref: 'r' } }),
  );

const replay = '/push/events?topic=public.*&topic=public.1&from=earliest';

/** What clients say. */
const speeches: readonly (() => (string | Buffer)[])[] = [
  // SSE: live, with a replay, with a gap, with a pipe, with a handler that takes its time, refused
  () => [request('/orders/1/events')],
  () => [request(replay)],
  () => [request('/orders/1/events', 'Last-Event-ID: junk')],
  () => [request('/orders/1/piped')],
  () => [request('/orders/1/async')],
  () => [request('/push/events?topic=secret')],
  // WebSocket: half of a handshake, nothing more than it, with a replay, live, with a close, against the protocol, in the
  // middle of a frame, refused
  () => [handshake().slice(0, 60)],
  () => [handshake()],
  () => [handshake(), subscribe('earliest')],
  () => [handshake(), subscribe('now'), subscribe('last')],
  () => [handshake(), subscribe('now'), clientFrame(Buffer.from([3, 232]), { opcode: 8 })],
  () => [handshake(), clientFrame('{}', { opcode: 5 })],
  () => [handshake(), subscribe('earliest'), subscribe('now').subarray(0, 20)],
  () => [handshake('/nobody')],
];

/** How they leave: with a reset, a close, a half-close. */
const goodbyes: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.destroy(),
  (socket) => socket.end(),
];

/** A client: what it says, and how it leaves, as soon as it has read so much, or so much time has passed. */
const visit = fc.record({
  speech: fc.constantFrom(...speeches),
  goodbye: fc.constantFrom(...goodbyes),
  bytes: fc.oneof(fc.constant(0), fc.nat(1_500), fc.nat(400_000)),
  milliseconds: fc.oneof(fc.nat(5), fc.nat(60)),
});

type Visit = typeof visit extends fc.Arbitrary<infer T> ? T : never;

function pay(port: number, { speech, goodbye, bytes, milliseconds }: Visit): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      for (const words of speech()) socket.write(words);
      if (bytes === 0) setImmediate(leave);
      else timer = setTimeout(leave, milliseconds);
    });
    let timer: NodeJS.Timeout | undefined;
    const leave = () => {
      clearTimeout(timer);
      if (socket.writable) goodbye(socket);
    };
    socket.on('data', () => bytes > 0 && socket.bytesRead >= bytes && leave());
    socket
      .on('error', () => undefined)
      .on('close', () => {
        clearTimeout(timer);
        resolve();
      });
  });
}

/** `count` visits, a hundred at a time, the same for the same seed. */
async function drive(app: RunningApp, count: number, seed: number): Promise<void> {
  const guests = fc.sample(visit, { numRuns: count, seed });
  const come = async () => {
    for (let guest = guests.pop(); guest; guest = guests.pop()) await pay(app.port, guest);
  };
  await Promise.all(Array.from({ length: 100 }, come));
  await eventually(() => app.sockets.size === 0 && app.bus.stats().connections === 0);
}

function listeners(...emitters: EventEmitter[]): Record<string, number>[] {
  return emitters.map((emitter) =>
    Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)])),
  );
}

/** Counts timers and sockets that exist, those that would not keep the process included. */
class Resources {
  private readonly kinds = new Map<number, string>();
  private readonly hook = createHook({
    init: (id, kind) => {
      if (kind === 'Timeout' || kind === 'TCPSERVERWRAP' || kind === 'TCPWRAP') this.kinds.set(id, kind);
    },
    destroy: (id) => this.kinds.delete(id),
  }).enable();

  count(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const kind of this.kinds.values()) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }

  /** The most there are of each kind within a second in which nobody comes: what runs now and then is there, or is not. */
  async most(): Promise<Record<string, number>> {
    const most: Record<string, number> = {};
    for (const end = performance.now() + 1_000; performance.now() < end;) {
      for (const [kind, count] of Object.entries(this.count())) most[kind] = Math.max(most[kind] ?? 0, count);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return most;
  }

  stop(): void {
    this.hook.disable();
  }
}

const rounds = 10;
const visitsPerRound = 500;
/** Said when a test fails: `LEAK_SEED` brings the same visitors back. */
const seed = Number(process.env.LEAK_SEED ?? Date.now() % 1_000_000);

/** How many bytes a round adds to the heap, by the line that fits best. */
function growth(heap: readonly number[]): number {
  const middle = (heap.length - 1) / 2;
  const mean = heap.reduce((sum, each) => sum + each, 0) / heap.length;
  const spread = heap.reduce((sum, _, round) => sum + (round - middle) ** 2, 0);
  return heap.reduce((sum, each, round) => sum + (round - middle) * (each - mean), 0) / spread;
}

describe.each(platforms)('Thousands of connections that come and go, on %s', (platform) => {
  it(`leave nothing behind (seed ${seed})`, async () => {
    const app = await startApp(platform, {
      imports: [
        PushModule.forRoot({
          topics: [{ pattern: 'public.>', access: 'public' }],
          heartbeat: 2_000,
          retention: { events: 60 },
        }),
      ],
      controllers: [OrdersController],
      providers: [TardyHooks],
    });
    const warnings: string[] = [];
    const warn = ({ message }: Error) => warnings.push(message);
    process.on('warning', warn);
    afterTest(() => process.off('warning', warn));
    const resources = new Resources();
    afterTest(() => resources.stop());
    const filling = 'x'.repeat(4_000);
    let isOver = false;
    const publishing = (async () => {
      for (let n = 0; !isOver; n++) {
        await app.bus.publish(n % 2 ? 'orders.1' : `public.${n % 3}`, filling);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    afterTest(async () => {
      isOver = true;
      await publishing;
    });
    await drive(app, visitsPerRound, seed);
    const existing = await resources.most();
    const listening = listeners(app.server, process);
    const heap: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      await drive(app, visitsPerRound, seed + round);
      collectGarbage();
      heap.push(process.memoryUsage().heapUsed);
    }
    await eventually(() => {
      const counts = Object.entries(resources.count());
      return counts.every(([kind, count]) => count <= (existing[kind] ?? 0));
    });
    expect(listeners(app.server, process)).toEqual(listening);
    expect(app.bus.stats()).toMatchObject({ connections: 0, subscriptions: 0, audiences: 0, lagging: 0 });
    expect(await new Promise((resolve) => app.server.getConnections((_, open) => resolve(open)))).toBe(0);
    // Bytes of a visit: a forgotten connection would be many times as much.
    expect(growth(heap) / visitsPerRound).toBeLessThan(1_000);
    expect(warnings).toEqual([]);
    const hooks = app.nest.get(TardyHooks);
    await eventually(() => hooks.disconnected === hooks.connected);
    expect(hooks.connected).toBeGreaterThan(rounds);
  }, 120_000);
});
