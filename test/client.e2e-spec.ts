import { covers, PushModule } from 'nestjs-push';
import {
  connect,
  type ConnectOptions,
  type GapNotice,
  type Start,
  type TransportName,
} from 'nestjs-push-client';
import WebSocket from 'ws';
import { afterTest } from './support/cleanup.js';
import { Journal, JournalReader } from './support/push-journal.js';
import { random } from './support/random.js';
import { startApp, type RunningApp } from './support/start-app.js';

const topics = ['a.1', 'a.2', 'a.3', 'b.1', 'b.2', 'c'];
const seed = Number(process.env.SEED ?? Date.now() % 100_000);
const patterns = [...topics, 'a.*', 'b.*', 'a.>', '>', '*'];

async function start(heartbeat: number): Promise<RunningApp> {
  return startApp('express', {
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: '>', access: 'public' }],
        retention: { events: 100_000 },
        heartbeat,
      }),
    ],
  });
}

function client(app: RunningApp, options: ConnectOptions = {}) {
  const push = connect(app.url('/push'), { webSocket: WebSocket, maxRetryDelay: 20, ...options });
  afterTest(() => push.close());
  return push;
}

/** A third of the time no WebSocket can be opened. */
class Flaky extends WebSocket {
  constructor(url: string) {
    super(Date.now() % 300 < 100 ? 'ws://127.0.0.1:1' : url);
  }
}

describe('A client in Node', () => {
  // A change of topics takes SSE a while: it is given the time.
  it.each<[string, ConnectOptions, steps: number, pause: number]>([
    ['a WebSocket', { transports: ['websocket'] }, 1_000, 8],
    ['SSE', { transports: ['sse'] }, 150, 60],
    ['both by turns', { upgradeAfter: 10, webSocket: Flaky }, 250, 32],
  ])(
    `handles what is published once and in order over %s, whatever it subscribes to and wherever it is cut (seed ${seed})`,
    async (_, options, steps, pause) => {
      const app = await start(300);
      const push = client(app, options);
      const used = new Set<TransportName | undefined>();
      push.onStatus(({ transport }) => used.add(transport));
      const gaps: GapNotice[] = [];
      push.onGap((gap) => gaps.push(gap));
      const journal = new Journal(app.bus);
      const below = random(seed);
      const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
      const readers: JournalReader[] = [];
      const starts: (() => Start)[] = [
        () => 'now',
        () => 'now',
        () => 'earliest',
        () => journal.entries.at(-1 - below(Math.min(journal.length, 50)))?.id ?? 'now',
      ];
      let cuts = 0;
      for (let step = 0; step < steps; step++) {
        for (let count = below(4); count > 0; count--) await journal.publish(pick(topics));
        const active = readers.filter(({ stoppedAt }) => stoppedAt === undefined);
        const what = below(10);
        if (what < 5 && active.length < 12) {
          readers.push(new JournalReader(journal, push, pick(patterns), pick(starts)()));
        } else if (what < 9 && active.length > 0) pick(active).stop();
        else if (what === 9) {
          cuts++;
          app.cut();
        }
        if (below(3) === 0) await new Promise((resolve) => setTimeout(resolve, below(pause)));
      }
      const active = readers.filter(({ stoppedAt }) => stoppedAt === undefined);
      await Promise.all(active.map((reader) => reader.until(() => reader.confirmedAt !== undefined)));
      for (const topic of topics) await journal.publish(topic);
      await Promise.all(active.map((reader) => reader.caughtUp()));
      for (const reader of readers) reader.verify();
      expect(gaps).toEqual([]);
      const wanted = options.transports ?? ['websocket', 'sse'];
      expect([...wanted].filter((name) => !used.has(name))).toEqual([]);
      const handled = readers.reduce((sum, reader) => sum + reader.handled.length, 0);
      expect(cuts).toBeGreaterThan(0);
      expect(handled).toBeGreaterThan(0);
    },
  );

  it(`reads what a model says after 1,000 subscribes and unsubscribes in any order (seed ${seed})`, async () => {
    // It counts connections: none is cut because the machine is busy.
    const app = await start(10_000);
    const push = client(app, { transports: ['websocket'] });
    const below = random(seed);
    const model = new Map<string, { stop: () => void; got: string[] }[]>();
    const pattern = () => patterns[below(patterns.length)]!;
    for (let step = 0; step < 1_000; step++) {
      const readers = model.get(pattern()) ?? [];
      if (below(2) === 0 && readers.length > 0) {
        readers.splice(below(readers.length), 1)[0]!.stop();
      } else {
        const name = pattern();
        const got: string[] = [];
        const stop = push.on(name, (_, { topic }) => got.push(topic));
        model.set(name, [...(model.get(name) ?? []), { stop, got }]);
      }
      // Some in one turn of the event loop, some not.
      if (below(4) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const wanted = [...model].filter(([, readers]) => readers.length > 0);
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    await push.on('end', end).live;
    expect(app.bus.stats()).toMatchObject({ connections: 1, subscriptions: wanted.length + 1 });
    for (const readers of model.values()) for (const { got } of readers) got.length = 0;
    for (const topic of topics) await app.bus.publish(topic, null);
    await app.bus.publish('end', null);
    await ended;
    for (const [name, readers] of wanted) {
      const expected = topics.filter((topic) => covers(name, topic));
      for (const { got } of readers) expect(got.filter((topic) => topic !== 'end')).toEqual(expected);
    }
  });
});
