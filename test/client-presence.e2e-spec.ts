import { Allow } from 'class-validator';
import { PushModule, PushTopic, type Principal, type PushOptions, type TopicPolicy } from 'nestjs-push';
import type { ConnectOptions, PushClient, TransportName } from 'nestjs-push-client';
import { presenceOf, type LivePresence, type PresenceOptions } from 'nestjs-push-client/presence';
import { afterTest } from './support/cleanup.js';
import { openClient } from './support/client-app.js';
import { random } from './support/random.js';
import { NameAuthenticator, Users } from './support/roles.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually, Watched } from './support/watched.js';

const seed = Number(process.env.SEED ?? Date.now() % 100_000);

class Status {
  @Allow()
  typing?: boolean;
}

/** What is said of oneself in offices is checked; nobody may see who is in the private one. */
@PushTopic('offices.:id', { presence: Status })
class OfficePolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canSeePresence(_: Principal, { id }: { id: string }) {
    return id !== 'private';
  }
}

const topics: PushOptions['topics'] = [
  { pattern: 'rooms.*', access: 'public', presence: { grace: 60_000 } },
  // Over SSE a client changes its topics by opening another stream.
  { pattern: 'brief.*', access: 'public', presence: { grace: 2_000 } },
  { pattern: 'counted.*', access: 'public', presence: { grace: 0, counts: true } },
  { pattern: 'halls.>', access: 'public', presence: { grace: 0 } },
  { pattern: 'offices.*', presence: { grace: 0 } },
];

function start(options: PushOptions = {}): Promise<RunningApp> {
  return startApp('express', {
    imports: [
      PushModule.forRoot({
        topics,
        authenticate: NameAuthenticator,
        websocket: { firstMessage: true },
        limits: { subscribe: { perSecond: 1_000, burst: 10_000 } },
        ...options,
      }),
    ],
    providers: [OfficePolicy, Users],
    exports: [Users],
  });
}

/** A view of who is there, with what it was told. */
class View extends Watched {
  readonly room: LivePresence;
  readonly told: string[] = [];

  constructor(push: PushClient, topic: string, options?: PresenceOptions) {
    super();
    this.room = presenceOf(push, topic, options);
    for (const event of ['join', 'leave', 'update'] as const)
      this.room.on(event, ({ user, data }) => this.told.push(`${event} ${user} ${JSON.stringify(data)}`));
    this.room.onChange(() => this.changed());
  }

  /** Each user, with how many clients it has. */
  get users(): string {
    return this.room
      .users()
      .map(({ user, clients }) => `${user} ${clients}`)
      .sort()
      .join(', ');
  }

  /** What each user has said of itself. */
  said(user: string): unknown {
    return this.room.get(user)?.data;
  }
}

describe.each<[TransportName, ConnectOptions]>([
  ['websocket', { transports: ['websocket'] }],
  ['sse', { transports: ['sse'] }],
])('Who is there, over %s,', (_, options) => {
  const as = (url: string, name: string, more: ConnectOptions = {}) =>
    openClient(`${url}/push`, { ...options, token: () => name, ...more });

  it('is told by user, once, however many clients a user has', async () => {
    const app = await start();
    const watcher = new View(as(app.url(''), 'eve'), 'brief.1', { join: false });
    await watcher.room.live;
    const first = presenceOf(as(app.url(''), 'ann'), 'brief.1');
    const second = presenceOf(as(app.url(''), 'ann'), 'brief.1');
    const ben = presenceOf(as(app.url(''), 'ben'), 'brief.1');
    await watcher.until(() => watcher.users === 'ann 2, ben 1');
    expect(watcher.room.count).toBe(3);
    first.close();
    await watcher.until(() => watcher.users === 'ann 1, ben 1');
    second.close();
    await watcher.until(() => watcher.users === 'ben 1');
    ben.close();
    await watcher.until(() => watcher.room.size === 0 && watcher.room.count === 0);
    expect(watcher.told.sort()).toEqual(
      ['join ann', 'join ben', 'leave ann', 'leave ben'].map((told) => `${told} undefined`),
    );
  });

  it('has those who were there before, and the page itself while it looks', async () => {
    const app = await start();
    const ann = new View(as(app.url(''), 'ann'), 'brief.1');
    await ann.until(() => ann.users === 'ann 1');
    const ben = new View(as(app.url(''), 'ben'), 'brief.1');
    await ben.until(() => ben.users === 'ann 1, ben 1');
    await ann.until(() => ann.users === 'ann 1, ben 1');
    expect(ben.told).not.toContain('join ann undefined');
    ben.room.close();
    await ann.until(() => ann.users === 'ann 1');
    expect(app.bus.presence('brief.1').count).toBe(1);
  });

  it('comes with what they say of themselves, the newest of a user', async () => {
    const app = await start();
    const ann = new View(as(app.url(''), 'ann'), 'rooms.1');
    const ben = new View(as(app.url(''), 'ben'), 'rooms.1');
    await ann.until(() => ann.users === 'ann 1, ben 1');
    ben.room.set({ typing: true });
    await ann.until(() => ann.said('ben') !== undefined);
    expect(ann.said('ben')).toEqual({ typing: true });
    // What is set several times in one turn is said once.
    for (const typing of [true, false, true, false]) ben.room.set({ typing });
    await ann.until(() => (ann.said('ben') as { typing: boolean }).typing === false);
    ben.room.set(null);
    await ann.until(() => ann.said('ben') === undefined);
    expect(ann.told.filter((told) => told.startsWith('update'))).toEqual([
      'update ben {"typing":true}',
      'update ben {"typing":false}',
      'update ben undefined',
    ]);
  });

  it('flaps neither for a client that comes back in time, nor for the view of one', async () => {
    const app = await start();
    const ann = new View(as(app.url(''), 'ann'), 'rooms.1');
    const ben = new View(as(app.url(''), 'ben'), 'rooms.1');
    ben.room.set('here');
    for (const view of [ann, ben]) await view.until(() => view.users === 'ann 1, ben 1');
    await ann.until(() => ann.said('ben') === 'here');
    const told = ann.told.length;
    app.cut();
    await ann.until(() => !ann.room.isLive);
    for (const view of [ann, ben]) await view.until(() => view.room.isLive);
    ben.room.set('still here');
    await ann.until(() => ann.said('ben') === 'still here');
    expect(ann.told.slice(told)).toEqual(['update ben "still here"']);
  });

  it('is said again to another server, which has another log', async () => {
    const [app, other] = [await start(), await start()];
    const proxy = await TcpProxy.start(app.port);
    afterTest(() => proxy.dispose());
    const url = `http://127.0.0.1:${proxy.port}`;
    const ann = new View(as(url, 'ann'), 'rooms.1');
    const ben = new View(as(url, 'ben'), 'rooms.1');
    ben.room.set('here');
    await ann.until(() => ann.users === 'ann 1, ben 1' && ann.said('ben') === 'here');
    proxy.redirect(other.port);
    await eventually(() =>
      other.bus
        .presence('rooms.1')
        .users()
        .some(({ data }) => data === 'here'),
    );
    await ann.until(() => ann.room.isLive && ann.users === 'ann 1, ben 1' && ann.said('ben') === 'here');
  });

  it('has a page that only looks when it says something of itself', async () => {
    const app = await start();
    const ann = new View(as(app.url(''), 'ann'), 'brief.1', { join: false });
    await ann.room.live;
    expect([ann.room.size, app.bus.presence('brief.1').count]).toEqual([0, 0]);
    ann.room.set('here');
    await ann.until(() => ann.said('ann') === 'here');
  });

  it('is not taken for who is there in a topic below', async () => {
    const app = await start();
    const left = presenceOf(as(app.url(''), 'ben'), 'halls.1.left');
    await eventually(() => app.bus.presence('halls.1.left').count === 1);
    const ann = new View(as(app.url(''), 'ann'), 'halls.1');
    await ann.until(() => ann.users === 'ann 1');
    expect(ann.room.count).toBe(1);
    left.close();
  });

  it('is only counted where the rule says so', async () => {
    const app = await start();
    const ann = new View(as(app.url(''), 'ann'), 'counted.1', { join: false });
    const rooms = ['ben', 'cid'].map((name) => presenceOf(as(app.url(''), name), 'counted.1'));
    await ann.until(() => ann.room.count === 2);
    rooms[0]!.close();
    await ann.until(() => ann.room.count === 1);
    expect([ann.room.size, ann.told]).toEqual([0, []]);
  });

  it('is refused where a policy says so, and so is what makes no sense', async () => {
    const app = await start();
    const errors: unknown[] = [];
    const watched = new (class extends Watched {
      readonly onError = (error: unknown) => {
        errors.push(error);
        this.changed();
      };
    })();
    const push = as(app.url(''), 'ann', { onError: watched.onError });
    await expect(presenceOf(push, 'offices.private').live).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await watched.until(() => errors.length > 0);
    errors.splice(0);
    const room = presenceOf(push, 'offices.1');
    await room.live;
    room.set({ typing: true });
    await eventually(() =>
      app.bus
        .presence('offices.1')
        .users()
        .some(({ data }) => data !== undefined),
    );
    room.set({ singing: true });
    await watched.until(() => errors.length > 0);
    expect(errors).toMatchObject([{ code: 'INVALID_MESSAGE' }]);
    expect(() => room.set(1n)).toThrow(expect.objectContaining({ code: 'DATA_NOT_SERIALIZABLE' }) as Error);
  });

  it(`equals what the server knows, whoever comes and goes and wherever it is cut (seed ${seed})`, async () => {
    const app = await start({
      topics: [{ pattern: 'rooms.*', access: 'public', presence: { grace: 30 } }],
    });
    const below = random(seed);
    const names = ['ann', 'ben', 'cid'];
    const clients = [...names, ...names].map((name) => as(app.url(''), name));
    const watcher = new View(as(app.url(''), 'eve'), 'rooms.1', { join: false });
    await watcher.room.live;
    const rooms = new Map<PushClient, LivePresence>();
    for (let step = 0; step < 80; step++) {
      const push = clients[below(clients.length)]!;
      const room = rooms.get(push);
      if (!room) rooms.set(push, presenceOf(push, 'rooms.1'));
      else if (below(2) === 0) room.set(step);
      else {
        room.close();
        rooms.delete(push);
      }
      if (below(20) === 0) app.cut();
      await new Promise((resolve) => setTimeout(resolve, below(30)));
    }
    const presence = app.bus.presence('rooms.1');
    const shown = () =>
      presence
        .users()
        .map(({ user, clients: count }) => `${user} ${count}`)
        .sort()
        .join(', ');
    // Over SSE a client may be between two streams for longer than the grace of this test.
    await eventually(() => {
      const { isLive, count } = watcher.room;
      return isLive && count === rooms.size && presence.count === count && watcher.users === shown();
    });
    // Joins and leaves of a user take turns.
    for (const name of names) {
      const own = watcher.told.filter(
        (told) => / (\w+)/.exec(told)![1] === name && !told.startsWith('update'),
      );
      expect(own.map((told) => told.split(' ')[0])).toEqual(
        own.map((__, index) => (index % 2 === 0 ? 'join' : 'leave')),
      );
    }
  }, 180_000);
});
