import { PushModule } from 'nestjs-push';
import { connect, type ConnectOptions, type GapNotice, type Start } from 'nestjs-push-client';
import WebSocket from 'ws';
import { afterTest } from './support/cleanup.js';
import { Journal, JournalReader } from './support/push-journal.js';
import { startApp, type RunningApp } from './support/start-app.js';

const topics = ['a.1', 'a.2', 'a.3', 'b.1', 'b.2', 'c'];
const patterns = [...topics, 'a.*', 'b.*', 'a.>', '>', '*'];

async function start(): Promise<RunningApp> {
  return startApp('express', {
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: '>', access: 'public' }],
        retention: { events: 100_000 },
        heartbeat: 300,
      }),
    ],
  });
}

function client(app: RunningApp, options: ConnectOptions = {}) {
  const push = connect(app.url('/push'), { webSocket: WebSocket, maxRetryDelay: 20, ...options });
  afterTest(() => push.close());
  return push;
}

/** Random numbers that a failing test can be repeated with. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('A client in Node', () => {
  it.each([Number(process.env.SEED ?? Date.now() % 100_000)])(
    'handles what is published once and in order, whatever it subscribes to and wherever it is cut (seed %i)',
    async (seed) => {
      const app = await start();
      const push = client(app, { transports: ['websocket'] });
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
      for (let step = 0; step < 1_000; step++) {
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
        if (below(3) === 0) await new Promise((resolve) => setTimeout(resolve, below(8)));
      }
      const active = readers.filter(({ stoppedAt }) => stoppedAt === undefined);
      await Promise.all(active.map((reader) => reader.until(() => reader.confirmedAt !== undefined)));
      for (const topic of topics) await journal.publish(topic);
      await Promise.all(active.map((reader) => reader.caughtUp()));
      for (const reader of readers) reader.verify();
      expect(gaps).toEqual([]);
      const handled = readers.reduce((sum, reader) => sum + reader.handled.length, 0);
      console.log({ seed, cuts, readers: readers.length, published: journal.length, handled });
    },
    30_000,
  );
});
