import { PushModule, type PushOptions } from 'nestjs-push';
import type { ConnectOptions, PushClient, TransportName } from 'nestjs-push-client';
import { stateOf, type LiveState } from 'nestjs-push-client/state';
import { openClient } from './support/client-app.js';
import { random } from './support/random.js';
import { openStream } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { afterTest } from './support/cleanup.js';
import { eventually, Watched } from './support/watched.js';

const seed = Number(process.env.SEED ?? Date.now() % 100_000);
const board = { pattern: 'board.*', access: 'public' as const, state: true };

interface Card {
  readonly text: string;
}

function start(options: PushOptions = {}): Promise<RunningApp> {
  return startApp('express', {
    imports: [
      PushModule.forRoot({
        topics: [board, { pattern: '>', access: 'public' as const }],
        heartbeat: 5_000,
        limits: { subscribe: { perSecond: 1_000, burst: 10_000 } },
        ...options,
      }),
    ],
  });
}

/** A live state whose changes can be waited for. */
class WatchedState extends Watched {
  readonly state: LiveState<unknown>;
  /** What a page shows that draws only the topics that it is told of. */
  readonly drawn = new Map<string, unknown>();

  constructor(push: PushClient, pattern: string) {
    super();
    this.state = stateOf<unknown>(push, pattern);
    this.state.onChange((topics) => {
      for (const topic of topics) {
        if (this.state.has(topic)) this.drawn.set(topic, this.state.get(topic));
        else this.drawn.delete(topic);
      }
      this.changed();
    });
  }

  get entries(): [string, unknown][] {
    return [...this.state].sort();
  }
}

describe.each<[TransportName, ConnectOptions]>([
  ['websocket', { transports: ['websocket'] }],
  ['sse', { transports: ['sse'] }],
])('A live state over %s', (transport, options) => {
  it('has what is there, and follows what is set, removed and over', async () => {
    const app = await start({ topics: [board, { ...board, pattern: 'brief.*', ttl: 50 }] });
    await app.bus.publish('board.1', { text: 'old' });
    await app.bus.publish('board.2', { text: 'gone' });
    await app.bus.publish('board.1', { text: 'new' });
    await app.bus.remove('board.2');
    // The server itself reads what has a `ttl`.
    const { subscriptions } = app.bus.stats();
    const push = openClient(app.url('/push'), options);
    const cards = stateOf<Card>(push, 'board.*');
    await cards.live;
    expect([...cards]).toEqual([['board.1', { text: 'new' }]]);
    const brief = new WatchedState(push, 'brief.*');
    await brief.state.live;
    for (const text of ['third', 'fourth']) await app.bus.publish(`board.${text}`, { text });
    await app.bus.remove('board.1');
    await app.bus.publish('brief.1', 'short');
    for await (const snapshot of cards) if (!snapshot.has('board.1')) break;
    expect([...cards.keys()].sort()).toEqual(['board.fourth', 'board.third']);
    await brief.until(() => brief.drawn.size === 1);
    await brief.until(() => brief.drawn.size === 0);
    cards.close();
    brief.state.close();
    await eventually(() => app.bus.stats().subscriptions === subscriptions);
  });

  it('takes no event that is only for those who are there', async () => {
    const app = await start();
    const push = openClient(app.url('/push'), options);
    const cards = new WatchedState(push, 'board.*');
    await cards.state.live;
    await app.bus.publish('board.1', 'kept');
    await app.bus.publish('board.1', 'passing', { ephemeral: true });
    await app.bus.publish('board.2', 'kept too');
    await cards.until(() => cards.drawn.size === 2);
    expect(cards.entries).toEqual([
      ['board.1', 'kept'],
      ['board.2', 'kept too'],
    ]);
  });

  it('forgets what another log does not have', async () => {
    const [first, second] = [await start(), await start()];
    const proxy = await TcpProxy.start(first.port);
    afterTest(() => proxy.dispose());
    await first.bus.publish('board.1', 'first');
    await first.bus.publish('board.2', 'first');
    await second.bus.publish('board.2', 'second');
    await second.bus.publish('board.3', 'second');
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, options);
    const cards = new WatchedState(push, 'board.*');
    // The same topics, and others beside them: such a pattern is told of gaps without `reset`.
    const all = new WatchedState(push, '*.*');
    await Promise.all([cards.state.live, all.state.live]);
    proxy.redirect(second.port);
    const expected = [
      ['board.2', 'second'],
      ['board.3', 'second'],
    ];
    for (const each of [cards, all]) {
      await each.until(() => each.state.isLive && each.drawn.get('board.3') === 'second');
      expect(each.entries).toEqual(expected);
      expect([...each.drawn].sort()).toEqual(expected);
    }
  });

  it('forgets what was removed so long ago that the server does not know of it', async () => {
    const app = await start({ topics: [{ ...board, tombstones: 1 }] });
    const proxy = await TcpProxy.start(app.port);
    afterTest(() => proxy.dispose());
    await app.bus.publish('board.1', 'stays');
    const seen = await app.bus.publish('board.2', 'goes');
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, options);
    const gaps: (true | undefined)[] = [];
    push.onGap(({ reset }) => gaps.push(reset));
    const cards = new WatchedState(push, 'board.*');
    await cards.state.live;
    proxy.refuse();
    await cards.until(() => !cards.state.isLive);
    await app.bus.remove('board.2');
    // The node looks for what is too old once in a while.
    await eventually(async () => {
      const headers = { 'last-event-id': seen };
      const reader = await openStream(app.url('/push/events?topic=board.*'), { headers });
      const last = await app.bus.publish('board.3', 'new');
      await reader.until(() => reader.lastEventId === last);
      return reader.gaps.length > 0;
    });
    proxy.heal();
    await cards.until(() => cards.state.isLive && cards.drawn.size === 2 && !cards.drawn.has('board.2'));
    expect(gaps).toEqual([true]);
    expect(cards.entries).toEqual([
      ['board.1', 'stays'],
      ['board.3', 'new'],
    ]);
  });

  it('rejects where the client may not read', async () => {
    const app = await start({ topics: [board] });
    const push = openClient(app.url('/push'), { ...options, onError: () => undefined });
    await expect(stateOf(push, 'secrets.*').live).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it(`is the fold of the log, whatever is published and removed, and wherever it is cut (seed ${seed})`, async () => {
    const app = await start({
      topics: [
        { ...board, tombstones: 5 },
        { pattern: '>', access: 'public' },
      ],
    });
    const clients = [openClient(app.url('/push'), options), openClient(app.url('/push'), options)];
    const patterns = ['board.*', 'board.3', 'board.>', '*.*'];
    const open = () => clients.flatMap((push) => patterns.map((pattern) => new WatchedState(push, pattern)));
    const states = open();
    const truth = new Map<string, unknown>();
    const below = random(seed);
    const steps = transport === 'sse' ? 150 : 500;
    for (let step = 0; step < steps; step++) {
      const topic = `board.${below(8)}`;
      if (below(3) > 0) {
        truth.set(topic, step);
        await app.bus.publish(topic, step);
      } else if (truth.delete(topic)) await app.bus.remove(topic);
      if (below(25) === 0) app.cut();
      if (below(50) === 0) {
        states.splice(below(states.length), 1)[0]!.state.close();
        states.push(new WatchedState(clients[below(2)]!, 'board.*'));
      }
      if (below(4) === 0) await new Promise((resolve) => setTimeout(resolve, below(20)));
    }
    truth.set('board.3', 'last');
    await app.bus.publish('board.3', 'last');
    for (const each of states) {
      await each.until(() => each.state.isLive && each.drawn.get('board.3') === 'last');
      const wanted = each.entries.length === 1 ? [['board.3', 'last']] : [...truth].sort();
      expect(each.entries).toEqual(wanted);
      expect([...each.drawn].sort()).toEqual(each.entries);
    }
  }, 180_000);
});
