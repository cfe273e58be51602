import { PushModule, type EventBus } from 'nestjs-push';
import type { ConnectOptions, Ended, PushClient, TransportName } from 'nestjs-push-client';
import { afterTest } from './support/cleanup.js';
import { ClientRecord, openClient, topicsRead } from './support/client-app.js';
import { random } from './support/random.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually, Watched } from './support/watched.js';

const seed = Number(process.env.SEED ?? Date.now() % 100_000);
const topics = [
  { pattern: 'runs.*', access: 'public' as const, finite: true },
  { pattern: '>', access: 'public' as const },
];

function start(): Promise<RunningApp> {
  const limits = { subscribe: { perSecond: 1_000, burst: 10_000 } };
  const push = PushModule.forRoot({ topics, limits, heartbeat: 5_000, retention: { events: 10_000 } });
  return startApp('express', { imports: [push] });
}

/** What a loop over a topic has taken when it is over. */
async function readAll(push: PushClient, topic: string, limit?: number) {
  const events = push.events(topic, { from: 'start', limit });
  const got: unknown[] = [];
  for await (const { data } of events) got.push(data);
  return { got, reason: events.ended?.reason };
}

function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

async function publish(bus: EventBus, topic: string, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number++) await bus.publish(topic, number);
}

/** The ends that a client is told of. */
class Ends extends Watched {
  readonly all: Ended[] = [];

  constructor(push: PushClient) {
    super();
    push.onEnded((end) => {
      this.all.push(end);
      this.changed();
    });
  }

  get reasons(): string[] {
    return this.all.map(({ topic, reason }) => `${topic} ${reason}`);
  }
}

describe.each<[TransportName, ConnectOptions]>([
  ['websocket', { transports: ['websocket'] }],
  ['sse', { transports: ['sse'] }],
])('The end of a topic over %s', (_transport, transport) => {
  it('ends what reads the topic, after its last event, and leaves wildcards and other topics as they are', async () => {
    const app = await start();
    let streams = 0;
    const counted: typeof fetch = (...request) => {
      if (String(request[0]).endsWith('/events')) streams++;
      return fetch(...request);
    };
    const push = openClient(app.url('/push'), { ...transport, fetch: counted });
    const ends = new Ends(push);
    const record = new ClientRecord(push);
    await publish(app.bus, 'runs.1', 1, 2);
    await Promise.all([record.read('runs.*'), record.read('runs.1'), record.read('news')]);
    const loop = readAll(push, 'runs.1');
    // It is asked for after the loop, and so is live after it.
    await push.on('quiet', () => undefined, { from: 'last' }).live;
    const opened = streams;
    await app.bus.publish('runs.1', 'last', { end: true });
    expect(await loop).toEqual({ got: [1, 2, 'last'], reason: 'done' });
    await ends.until(() => ends.all.length > 0);
    await eventually(() => topicsRead(app).join() === 'news,quiet,runs.*');
    await app.bus.publish('runs.2', 'other');
    await app.bus.end('runs.2', { reason: 'failed' });
    await app.bus.publish('news', 'on');
    await record.until(() => record.handled.includes('on') && ends.all.length === 2);
    expect(record.handled).toEqual(['last', 'last', 'other', 'on']);
    expect(ends.reasons).toEqual(['runs.1 done', 'runs.2 failed']);
    expect(ends.all.map(({ id }) => typeof id)).toEqual(['string', 'string']);
    // The stream that is open simply reads one topic less.
    expect([streams - opened, record.gaps]).toEqual([0, []]);
  });

  it('is not asked for again on a reconnect', async () => {
    const app = await start();
    const push = openClient(app.url('/push'), transport);
    const record = new ClientRecord(push);
    const ends = new Ends(push);
    await Promise.all([record.read('runs.1'), record.read('news')]);
    await app.bus.end('runs.1');
    await ends.until(() => ends.all.length > 0);
    const lives = record.statuses.filter((status) => status === _transport).length;
    app.cut();
    await record.untilStatus(_transport, lives + 1);
    await app.bus.publish('news', 'back');
    await record.untilHandled(1);
    expect(topicsRead(app)).toEqual(['news']);
    expect(ends.all).toHaveLength(1);
  });

  it('is told to whoever comes later, each time', async () => {
    const app = await start();
    await publish(app.bus, 'runs.1', 1, 3);
    await app.bus.end('runs.1', { reason: 'cancelled' });
    const push = openClient(app.url('/push'), transport);
    const ends = new Ends(push);
    const record = new ClientRecord(push);
    await record.read('runs.1');
    await ends.until(() => ends.all.length > 0);
    expect(ends.all).toEqual([{ topic: 'runs.1', reason: 'cancelled' }]);
    expect(await readAll(push, 'runs.1')).toEqual({ got: [1, 2, 3], reason: 'cancelled' });
    // A loop that takes little at a time is told where it has taken the last.
    expect(await readAll(push, 'runs.1', 1)).toEqual({ got: [1, 2, 3], reason: 'cancelled' });
    expect(record.handled).toEqual([]);
    expect(push.status).toBe('live');
    await eventually(() => topicsRead(app).length === 0);
  });

  it(`comes after everything else, wherever the connection is cut (seed ${seed})`, async () => {
    const app = await start();
    const proxy = await TcpProxy.start(app.port);
    afterTest(() => proxy.dispose());
    const below = random(seed);
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, transport);
    const gaps: unknown[] = [];
    push.onGap((gap) => gaps.push(gap));
    for (let round = 0; round < 12; round++) {
      const topic = `runs.${round}`;
      const count = 1 + below(60);
      const [one, other] = [readAll(push, topic), readAll(push, topic, 1 + below(10))];
      const cuts = new Set([below(count), count - 1, below(2) * count]);
      for (let number = 1; number <= count; number++) {
        await app.bus.publish(topic, number, number === count && below(2) > 0 ? { end: true } : {});
        if (cuts.has(number)) proxy.reset();
        if (below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      // It may have ended with its last event.
      await app.bus.end(topic).catch(() => undefined);
      if (below(2) === 0) proxy.reset();
      for (const loop of [one, other]) expect(await loop).toEqual({ got: numbers(count), reason: 'done' });
    }
    expect(gaps).toEqual([]);
    await eventually(() => topicsRead(app).length === 0);
  });
});
