import { PushModule, type PushOptions } from 'nestjs-push';
import { request, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { afterTest } from './support/cleanup.js';
import { OrdersController } from './support/orders.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { eventually, Watched } from './support/watched.js';

/** What a reader got, in order: the numbers of events, and what else was said. */
type Entry = number | string;

/** Reads the numbered events of this test, as fast as it can or not at all. */
abstract class Reader extends Watched {
  readonly entries: Entry[] = [];
  isEnded = false;

  abstract stop(): void;
  abstract goOn(): void;

  get numbers(): number[] {
    return this.entries.filter((entry) => typeof entry === 'number');
  }

  protected add(entry: Entry): void {
    this.entries.push(entry);
    this.changed();
  }

  protected end(): void {
    this.isEnded = true;
    this.changed();
  }
}

class SlowSse extends Reader {
  private rest = '';

  constructor(private readonly response: IncomingMessage) {
    super();
    response.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.rest + text).split('\n');
      this.rest = lines.pop()!;
      lines.forEach((line) => this.read(line));
    });
    response.on('error', () => undefined).on('close', () => this.end());
  }

  stop(): void {
    this.response.pause();
  }

  goOn(): void {
    this.response.resume();
  }

  private read(line: string): void {
    if (/^data: (\{"topic":"[^"]*","data":)?"?\d/.test(line)) this.add(Number(/\d+ /.exec(line)![0]));
    else if (line.startsWith('data: ') && !line.startsWith('data: {"id":'))
      this.add(
        (JSON.parse(line.slice(6)) as { reason?: string; code: string }).reason ??
          (JSON.parse(line.slice(6)) as { code: string }).code,
      );
  }

  static open(app: RunningApp, path: string): Promise<Reader> {
    return new Promise((resolve) => {
      request(app.url(path), { agent: false }, (response) => {
        afterTest(() => response.destroy());
        resolve(new SlowSse(response));
      }).end();
    });
  }
}

class SlowWs extends Reader {
  private constructor(private readonly socket: WebSocket) {
    super();
    socket.on('message', (bytes: Buffer) => {
      const { event, data } = JSON.parse(bytes.toString()) as {
        event: string;
        data: { data: string; reason: string; code: string };
      };
      if (event === 'message') this.add(parseInt(data.data));
      else if (event === 'gap') this.add(data.reason);
      else if (event === 'error') this.add(data.code);
    });
    socket
      .on('error', () => undefined)
      .on('close', (code) => {
        this.add(`closed ${code}`);
        this.end();
      });
  }

  stop(): void {
    this.socket.pause();
  }

  goOn(): void {
    this.socket.resume();
  }

  static open(app: RunningApp, topic: string): Promise<Reader> {
    return new Promise((resolve) => {
      const socket = new WebSocket(app.webSocketUrl(), { perMessageDeflate: false });
      afterTest(() => socket.terminate());
      socket.once('message', () => {
        socket.send(JSON.stringify({ event: 'subscribe', data: { topics: [topic] } }));
        socket.once('message', () => resolve(new SlowWs(socket)));
      });
    });
  }
}

const doors: [door: string, open: (app: RunningApp) => Promise<Reader>][] = [
  ['SSE', (app) => SlowSse.open(app, '/push/events?topic=feed.*')],
  ['WebSocket', (app) => SlowWs.open(app, 'feed.*')],
];

/** About 20 MB: far more than the window below, and than what the kernel takes for a reader that does not read. */
const count = 640;
const filling = 'x'.repeat(32_000);
const topicCount = 4;

const start = (slow: 'gap' | 'disconnect' | 'latest', more: PushOptions = {}) =>
  startApp('express', {
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: 'feed.>', access: 'public', slow }],
        retention: { events: 1_000, bytes: 4_000_000 },
        heartbeat: 60_000,
        ...more,
      }),
    ],
    controllers: [OrdersController],
  });

/** Publishes as fast as `readers` take it. */
async function publishAll(app: RunningApp, readers: readonly Reader[]): Promise<void> {
  for (let n = 0; n < count; n++) {
    await app.bus.publish(`feed.${n % topicCount}`, `${n} ${filling}`);
    if (n % 16 === 15) for (const reader of readers) await reader.until(() => reader.numbers.at(-1) === n);
  }
}

const all = Array.from({ length: count }, (_, n) => n);

describe.each(doors)('a client that does not read, over %s', (_, open) => {
  /** A slow reader that has been left behind while others read everything. */
  async function leftBehind(slow: 'gap' | 'disconnect' | 'latest') {
    const app = await start(slow);
    const others = await Promise.all(doors.flatMap(([, door]) => [door(app), door(app)]));
    const reader = await open(app);
    await eventually(() => app.bus.stats().subscriptions === others.length + 1);
    reader.stop();
    await publishAll(app, others);
    for (const other of others) expect(other.entries).toEqual(all);
    expect(app.bus.stats()).toMatchObject({ connections: others.length + 1, lagging: 1, gaps: 0 });
    const waiting = [...app.sockets].map((socket) => socket.writableLength);
    expect(Math.max(...waiting)).toBeLessThan(512 * 1024);
    expect(app.bus.stats().window.bytes).toBeLessThan(4_000_001);
    reader.goOn();
    return { app, reader, others };
  }

  it('is told of one gap, and goes on with what is retained', async () => {
    const { app, reader, others } = await leftBehind('gap');
    await reader.until(() => reader.entries.at(-1) === count - 1);
    const gap = reader.entries.indexOf('slow');
    expect(reader.entries.filter((entry) => typeof entry === 'string')).toEqual(['slow']);
    const before = reader.entries.slice(0, gap);
    const after = reader.entries.slice(gap + 1);
    expect(before).toEqual(all.slice(0, before.length));
    // Each topic is kept from where memory allows it on.
    for (let topic = 0; topic < topicCount; topic++) {
      const isOfTopic = (entry: unknown) => Number(entry) % topicCount === topic;
      const kept = after.filter(isOfTopic);
      expect(kept.length).toBeGreaterThan(0);
      expect(kept).toEqual(all.filter(isOfTopic).slice(-kept.length));
    }
    expect(after).toEqual(after.toSorted((a, b) => Number(a) - Number(b)));
    expect(before.length + after.length).toBeLessThan(count);
    await eventually(() => app.bus.stats().lagging === 0);
    await app.bus.publish('feed.0', `${count} live`);
    for (const each of [reader, ...others]) await each.until(() => each.entries.at(-1) === count);
    expect(app.bus.stats()).toMatchObject({ lagging: 0, gaps: 1 });
  });

  it('is disconnected where that is the policy', async () => {
    const { app, reader, others } = await leftBehind('disconnect');
    await reader.until(() => reader.isEnded);
    const end = reader.entries.findIndex((entry) => typeof entry === 'string');
    expect(reader.entries.slice(end)).toEqual(
      reader instanceof SlowSse ? ['TOO_SLOW'] : ['TOO_SLOW', 'closed 1013'],
    );
    expect(reader.entries.slice(0, end)).toEqual(all.slice(0, end));
    await eventually(() => app.bus.stats().connections === others.length);
    await app.bus.publish('feed.0', `${count} live`);
    for (const other of others) await other.until(() => other.entries.at(-1) === count);
  });

  it('gets the newest of each topic where that is the policy', async () => {
    const { app, reader } = await leftBehind('latest');
    await reader.until(() => reader.entries.at(-1) === count - 1);
    const gap = reader.entries.indexOf('slow');
    expect(reader.entries.slice(0, gap)).toEqual(all.slice(0, gap));
    expect(reader.entries.slice(gap + 1)).toEqual(all.slice(-topicCount));
    await eventually(() => app.bus.stats().lagging === 0);
    for (let n = count; n < count + 8; n++) await app.bus.publish('feed.0', `${n} live`);
    await reader.until(() => reader.entries.at(-1) === count + 7);
    expect(reader.entries.slice(-8)).toEqual(Array.from({ length: 8 }, (_, n) => count + n));
  });

  it('loses nothing if it reads again before the window has passed it', async () => {
    const app = await start('gap', { retention: { bytes: 200_000_000 } });
    const reader = await open(app);
    await eventually(() => app.bus.stats().subscriptions === 1);
    reader.stop();
    await publishAll(app, []);
    await eventually(() => app.bus.stats().lagging === 1);
    reader.goOn();
    await reader.until(() => reader.entries.length === count);
    expect(reader.entries).toEqual(all);
    expect(app.bus.stats().gaps).toBe(0);
  });
});

describe('many clients that do not read', () => {
  it('cost the others nothing, and the process a bounded amount each', async () => {
    const app = await start('gap');
    const stalled = await Promise.all(Array.from({ length: 40 }, (_, n) => doors[n % 2]![1](app)));
    stalled.forEach((reader) => reader.stop());
    const fast = await SlowWs.open(app, 'feed.*');
    await publishAll(app, [fast]);
    expect(fast.entries).toEqual(all);
    const waiting = [...app.sockets].reduce((sum, socket) => sum + socket.writableLength, 0);
    expect(waiting).toBeLessThan(40 * 512 * 1024);
    expect(app.bus.stats()).toMatchObject({ connections: 41, lagging: 40 });
    app.cut();
    await eventually(() => app.bus.stats().connections === 0);
  });
});

describe('a client that does not read, of a stream with a pipe', () => {
  it("is dropped by Nest's own bound; the others get everything", async () => {
    const app = await start('gap');
    const [slow, fast] = [
      await SlowSse.open(app, '/orders/1/piped'),
      await SlowSse.open(app, '/orders/1/piped'),
    ];
    await eventually(() => app.bus.stats().connections === 2);
    slow.stop();
    for (let n = 0; n < count; n++) {
      await app.bus.publish('orders.1', `${n} ${filling}`);
      if (n % 16 === 15) await fast.until(() => fast.numbers.at(-1) === n);
    }
    expect(fast.entries).toEqual(all);
    await eventually(() => app.bus.stats().connections === 1);
    slow.goOn();
    await slow.until(() => slow.isEnded);
    expect(slow.entries).toEqual(all.slice(0, slow.entries.length));
  });
});
