import { ForbiddenException, NotFoundException, Module, type Type } from '@nestjs/common';
import { IsInt, IsString, MaxLength, Min } from 'class-validator';
import {
  EventBus,
  PushModule,
  PushTopic,
  type AcceptContext,
  type Principal,
  type PublishContext,
  type PushOptions,
  type TopicContext,
  type TopicPolicy,
} from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openSse, openStream } from './support/sse-reader.js';
import { createApp, startApp, type RunningApp } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

/** Owners read their orders, if there are such orders. */
@PushTopic('orders.:id')
class OrdersPolicy implements TopicPolicy {
  static readonly asked: [string, TopicContext][] = [];

  constructor(private readonly users: Users) {}

  async canSubscribe({ id: user }: Principal, { id }: { id: string }, context: TopicContext) {
    OrdersPolicy.asked.push([id, context]);
    await Promise.resolve();
    const owner = this.users.orders.get(id);
    if (id === 'broken') throw new TypeError('db-password=hunter2');
    if (owner === undefined) throw new NotFoundException(`There is no order ${id}.`);
    return owner === user;
  }
}

/** Administrators read all of them. */
@PushTopic('orders.*')
class AllOrdersPolicy implements TopicPolicy {
  constructor(private readonly users: Users) {}

  canSubscribe({ id }: Principal) {
    return this.users.admins.has(id);
  }
}

/** Everything of oneself. */
@PushTopic('users.:user.>')
class OwnPolicy implements TopicPolicy {
  canSubscribe({ id }: Principal, { user }: { user: string }) {
    return id === user;
  }

  /** Not a boolean: a promise of something else grants nothing. */
  canPublish(): boolean {
    return 'yes' as never;
  }
}

class Line {
  @IsString()
  from!: string;

  @IsString()
  @MaxLength(20)
  text!: string;
}

@PushTopic('chat.:room', { payload: Line })
class ChatPolicy implements TopicPolicy<Line> {
  canSubscribe() {
    return true;
  }

  canPublish(_: Principal, { room }: { room: string }) {
    return room !== 'readonly';
  }

  async transform({ id }: Principal, _: object, { data }: PublishContext<Line>) {
    await Promise.resolve();
    if (!(data instanceof Line) || data.from !== id) throw new ForbiddenException('Write in your own name.');
    return data.text === 'shout' ? { ...data, text: 'SHOUT' } : data;
  }
}

@PushTopic('$own.:id')
class ReservedPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

@PushTopic('anything.:id')
class AnythingPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

class Reading {
  @IsInt()
  @Min(0)
  value!: number;
}

/** Inherits nothing but its decorator's pattern. */
@PushTopic('sensors.:id.readings', { payload: Reading })
class SensorsPolicy extends AnythingPolicy {}

const policies = [
  OrdersPolicy,
  AllOrdersPolicy,
  OwnPolicy,
  ChatPolicy,
  AnythingPolicy,
  SensorsPolicy,
  ReservedPolicy,
];

@Module({ providers: [Users], exports: [Users] })
class UsersModule {}

async function start(options: PushOptions = {}): Promise<{ app: RunningApp; users: Users }> {
  const app = await startApp('express', {
    imports: [
      UsersModule,
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        topics: [
          { pattern: 'public.>', access: 'public' },
          { pattern: 'members.*', access: 'authenticated' },
        ],
        onError: () => undefined,
        ...options,
      }),
    ],
    providers: policies,
  });
  const users = app.nest.get(Users, { strict: false });
  users.orders.set('42', 'ann').set('43', 'bob');
  users.admins.add('root');
  return { app, users };
}

describe('subscribing', () => {
  it.each([
    ['ann', 'orders.42', true],
    ['ann', 'orders.43', false],
    ['ann', 'orders.*', false],
    ['ann', 'orders.>', false],
    ['ann', '*.42', false],
    ['ann', '>', false],
    ['root', 'orders.42', true],
    ['root', 'orders.*', true],
    ['root', 'orders.>', false],
    ['ann', 'users.ann.mail', true],
    ['ann', 'users.ann.mail.*', true],
    ['ann', 'users.ann.>', true],
    ['ann', 'users.ann.*', true],
    ['ann', 'users.ann', false],
    ['ann', 'users.*.mail', false],
    ['ann', 'users.>', false],
    ['ann', 'users.bob.>', false],
    ['ann', 'members.news', true],
    ['ann', 'members.*', true],
    ['ann', 'members.>', false],
    ['ann', 'public.a.b', true],
    ['ann', 'nowhere', false],
    ['ann', 'constructor', false],
    ['ann', 'users.__proto__.>', false],
    ['ann', '$own.1', true],
    ['ann', '$own.*', false],
    ['ann', '$other.1', false],
  ])('%s to %s: %s', async (user, topic, isGranted) => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as(user));
    const answer = await client.subscribe(topic);
    expect(answer).toMatchObject(isGranted ? { event: 'subscribed' } : { event: 'error', code: 'FORBIDDEN' });
    const reader = await openSse(app.url(`/push/events?topic=${encodeURIComponent(topic)}`), as(user));
    expect(reader.status).toBe(isGranted ? 200 : 403);
  });

  it('looks the same for a topic that is not there, not theirs, without a policy, or whose policy breaks', async () => {
    const errors: unknown[] = [];
    const { app } = await start({ onError: (error) => errors.push(error) });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const looks = async (topic: string) => {
      const { ref, ...rest } = await client.subscribe(topic);
      const reader = await openSse(app.url(`/push/events?topic=${topic}`), as('ann'));
      const { date, 'content-length': _, etag: __, ...headers } = reader.response.headers;
      const sse = { status: reader.status, headers, body: await reader.untilEnd() };
      return JSON.stringify({ ref: typeof ref, date: typeof date, rest, sse }).replaceAll(topic, 'TOPIC');
    };
    const all = [];
    for (const topic of ['orders.43', 'orders.99', 'nothing.43', 'orders.broken'])
      all.push(await looks(topic));
    expect(new Set(all).size).toBe(1);
    // What is wrong is told to the application alone.
    expect(errors).toHaveLength(2);
    expect(errors[0]).toBeInstanceOf(TypeError);
  });

  it('is all or nothing, and names what is denied', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.subscribe(['orders.42', 'orders.43', 'public.x', 'orders.>'])).toMatchObject({
      message: 'Not allowed to subscribe to orders.43, orders.>.',
    });
    expect(app.bus.stats().subscriptions).toBe(0);
  });

  it('is decided as rights are when a client comes back, not as they were', async () => {
    const { app, users } = await start();
    const first = await openWs(app.webSocketUrl(), as('ann'));
    const { id } = await first.subscribe('orders.42');
    await app.bus.publish('orders.42', 1);
    await first.untilData(1);
    first.socket.terminate();
    users.orders.set('42', 'bob');
    const second = await openWs(app.webSocketUrl(), as('ann'));
    expect(await second.subscribe('orders.42', String(id))).toMatchObject({ code: 'FORBIDDEN' });
    const reader = await openSse(app.url('/push/events?topic=orders.42'), {
      headers: { ...as('ann').headers, 'Last-Event-ID': String(id) },
    });
    expect(reader.status).toBe(403);
  });

  it('tells the policy what it is asked about', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    OrdersPolicy.asked.length = 0;
    await client.subscribe('orders.42');
    expect(OrdersPolicy.asked).toMatchObject([
      ['42', { topic: 'orders.42', transport: 'websocket', address: '127.0.0.1' }],
    ]);
  });

  it('waits for no policy longer than decisionTimeout', async () => {
    @PushTopic('slow.:id')
    class SlowPolicy implements TopicPolicy {
      canSubscribe(): Promise<boolean> {
        return new Promise(() => undefined);
      }
    }
    const app = await startApp('express', {
      imports: [
        UsersModule,
        PushModule.forRoot({
          authenticate: NameAuthenticator,
          limits: { decisionTimeout: 50 },
          onError: () => undefined,
        }),
      ],
      providers: [SlowPolicy],
    });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.subscribe('slow.1')).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });

  it('needs policies that live as long as the application', async () => {
    const { Injectable, Scope } = await import('@nestjs/common');
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @PushTopic('a.:id')
    class Policy implements TopicPolicy {
      constructor(readonly request: PerRequest) {}

      canSubscribe() {
        return true;
      }
    }
    const app = await createApp('express', {
      imports: [PushModule.forRoot()],
      providers: [PerRequest, Policy],
    });
    afterTest(() => app.close());
    await expect(app.init()).rejects.toThrow('Policy cannot be request-scoped');
  });

  it.each([
    ['orders.:', 'need names'],
    ['a.:x.:x', 'need names'],
    ['a..b', 'not a topic pattern'],
    ['a.>.b', 'not a topic pattern'],
  ])('a policy for %s is refused where it is declared', (pattern, message) =>
    expect(() => PushTopic(pattern)).toThrow(message),
  );
});

describe('publishing by clients', () => {
  const line = { from: 'ann', text: 'hello' };

  it('stores the event and answers with its id', async () => {
    const { app } = await start();
    const [ann, bob] = [
      await openWs(app.webSocketUrl(), as('ann')),
      await openWs(app.webSocketUrl(), as('bob')),
    ];
    await bob.subscribe('chat.1');
    const answer = await ann.ask('publish', { topic: 'chat.1', data: line, type: 'said' });
    expect(answer).toMatchObject({ event: 'published', id: expect.stringMatching(/-1$/) as string });
    await bob.untilData(1);
    expect(bob.all('message')).toEqual([{ topic: 'chat.1', id: answer.id, type: 'said', data: line }]);
    // It resumes like any other.
    const late = await openWs(app.webSocketUrl(), as('bob'));
    await late.subscribe('chat.1', 'earliest');
    expect(await late.untilData(1)).toEqual([line]);
  });

  it('comes back to the sender, or not, as it asks', async () => {
    const { app } = await start();
    const [ann, bob] = [
      await openWs(app.webSocketUrl(), as('ann')),
      await openWs(app.webSocketUrl(), as('bob')),
    ];
    await Promise.all([ann.subscribe('anything.1'), bob.subscribe('anything.1')]);
    await ann.ask('publish', { topic: 'anything.1', data: 'quiet', echo: false });
    await ann.ask('publish', { topic: 'anything.1', data: 'loud' });
    expect(await bob.untilData(2)).toEqual(['quiet', 'loud']);
    expect(await ann.untilData(1)).toEqual(['loud']);
  });

  it('may be ephemeral, and null', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('anything.1');
    const answer = await client.ask('publish', { topic: 'anything.1', data: null, ephemeral: true });
    expect(answer).toEqual({ event: 'published', ref: answer.ref });
    await client.untilData(1);
    expect(client.all('message')).toEqual([{ topic: 'anything.1', data: null }]);
  });

  it("happens once for one messageId, which is the client's own", async () => {
    const { app } = await start();
    const [ann, bob] = [
      await openWs(app.webSocketUrl(), as('ann')),
      await openWs(app.webSocketUrl(), as('bob')),
    ];
    const publication = { topic: 'anything.1', data: 1, messageId: 'm1' };
    const first = await ann.ask('publish', publication);
    expect((await ann.ask('publish', publication)).id).toBe(first.id);
    // Neither other clients nor the application lose an event to it.
    expect((await bob.ask('publish', publication)).id).not.toBe(first.id);
    expect(await app.bus.publish('anything.1', 2, { messageId: 'm1' })).not.toBe(first.id);
    expect((await ann.ask('publish', { ...publication, topic: 'anything.2' })).id).not.toBe(first.id);
    expect(app.bus.stats().window.events).toBe(4);
  });

  it.each([
    ['a room that is closed', { topic: 'chat.readonly', data: line }, 'FORBIDDEN'],
    ["a name that is another's", { topic: 'chat.1', data: { ...line, from: 'bob' } }, 'FORBIDDEN'],
    ['data of the wrong shape where nobody may publish', { topic: 'chat.readonly', data: 7 }, 'FORBIDDEN'],
    ['a reserved topic, although a policy would grant it', { topic: '$own.1', data: 1 }, 'FORBIDDEN'],
    ['the type error', { topic: 'anything.1', data: 1, type: 'error' }, 'INVALID_TYPE'],
    ['a policy that only reads', { topic: 'orders.42', data: 1 }, 'FORBIDDEN'],
    ['a policy whose answer is no boolean', { topic: 'users.ann.mail', data: 1 }, 'FORBIDDEN'],
    ['a topic that a rule opens for reading', { topic: 'public.x', data: 1 }, 'FORBIDDEN'],
    ['a topic of nobody', { topic: 'nowhere', data: 1 }, 'FORBIDDEN'],
    ['a pattern', { topic: 'anything.*', data: 1 }, 'INVALID_TOPIC'],
    ['no topic', { data: 1 }, 'INVALID_MESSAGE'],
    ['no data', { topic: 'anything.1' }, 'DATA_NOT_SERIALIZABLE'],
    ['a reserved type', { topic: 'anything.1', data: 1, type: 'push.gap' }, 'INVALID_TYPE'],
    ['a type that breaks the line', { topic: 'anything.1', data: 1, type: 'a\nid: 7' }, 'INVALID_TYPE'],
    [
      'a messageId that is too long',
      { topic: 'anything.1', data: 1, messageId: 'x'.repeat(129) },
      'INVALID_MESSAGE',
    ],
    ['an option of the wrong type', { topic: 'anything.1', data: 1, echo: 'no' }, 'INVALID_MESSAGE'],
  ])('is refused: %s', async (_, publication, code) => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.ask('publish', publication)).toMatchObject({ event: 'error', code });
    expect(app.bus.stats().window.events).toBe(0);
  });

  it("checks the data against the topic's class, and refuses what it does not know", async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('chat.1');
    expect(
      await client.ask('publish', { topic: 'chat.1', data: { from: 'ann', text: 'x'.repeat(21) } }),
    ).toMatchObject({
      code: 'INVALID_MESSAGE',
      details: ['text must be shorter than or equal to 20 characters'],
    });
    for (const data of ['text', 7, null, [line], undefined]) {
      expect(await client.ask('publish', { topic: 'chat.1', data })).toMatchObject({
        event: 'error',
        code: 'INVALID_MESSAGE',
      });
    }
    for (const name of ['isAdmin', 'constructor', 'toString', 'valueOf']) {
      expect(await client.ask('publish', { topic: 'chat.1', data: { ...line, [name]: true } })).toMatchObject(
        { code: 'INVALID_MESSAGE', details: [`property ${name} should not exist`] },
      );
    }
    await client.ask('publish', { topic: 'chat.1', data: line });
    expect(await client.untilData(1)).toEqual([line]);
    expect(await client.ask('publish', { topic: 'sensors.1.readings', data: { value: -1 } })).toMatchObject({
      details: ['value must not be less than 0'],
    });
  });

  it('goes through the policy once more when the data is valid: it may change it, or refuse', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('chat.1');
    await client.ask('publish', { topic: 'chat.1', data: { ...line, text: 'shout' } });
    expect(await client.untilData(1)).toEqual([{ ...line, text: 'SHOUT' }]);
    expect(await client.ask('publish', { topic: 'chat.1', data: { ...line, from: 'bob' } })).toMatchObject({
      code: 'FORBIDDEN',
      message: 'Write in your own name.',
    });
    expect(app.bus.stats().window.events).toBe(1);
  });

  /** An application with one policy, which has 50 ms to decide. */
  const startImpatient = (policy: Type) =>
    startApp('express', {
      imports: [
        UsersModule,
        PushModule.forRoot({
          authenticate: NameAuthenticator,
          limits: { decisionTimeout: 50 },
          onError: () => undefined,
        }),
      ],
      providers: [policy],
    });

  it.each<[string, () => unknown, string]>([
    ['throws', () => Promise.reject(new TypeError('db-password=hunter2')), 'INTERNAL'],
    ['takes too long', () => new Promise(() => undefined), 'UNAVAILABLE'],
    ['returns nothing', () => undefined, 'DATA_NOT_SERIALIZABLE'],
  ])('publishes nothing if transform %s', async (_, transform, code) => {
    @PushTopic('odd.:id')
    class OddPolicy implements TopicPolicy {
      canPublish() {
        return true;
      }

      transform() {
        return transform();
      }
    }
    const app = await startImpatient(OddPolicy);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const answer = await client.ask('publish', { topic: 'odd.1', data: 1 });
    expect(answer).toMatchObject({ event: 'error', code });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(app.bus.stats().window.events).toBe(0);
  });

  it.each<[string, () => unknown, object]>([
    ['resolves', () => Promise.resolve(), { event: 'published' }],
    [
      'refuses',
      () => Promise.reject(new ForbiddenException('Nobody took it.')),
      { code: 'FORBIDDEN', message: 'Nobody took it.' },
    ],
    ['throws', () => Promise.reject(new TypeError('db-password=hunter2')), { code: 'INTERNAL' }],
    ['takes too long', () => new Promise(() => undefined), { code: 'UNAVAILABLE' }],
  ])('tells the client of a stored event when accept %s', async (_, accept, answer) => {
    const accepted: unknown[] = [];
    @PushTopic('taken.:id')
    class TakenPolicy implements TopicPolicy<number, { n: number; by: string }> {
      canPublish() {
        return true;
      }

      transform({ id }: Principal, _params: object, { data }: PublishContext<number>) {
        return { n: data, by: id };
      }

      accept({ id: user }: Principal, { id }: { id: string }, { data, id: event }: AcceptContext) {
        accepted.push([user, id, data, event, app.bus.stats().window.events]);
        return accept();
      }
    }
    const app = await startImpatient(TakenPolicy);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const told = await client.ask('publish', { topic: 'taken.1', data: 7 });
    expect(told).toMatchObject(answer);
    expect(JSON.stringify(told)).not.toContain('hunter2');
    const { events } = await app.bus.history('taken.1');
    expect(accepted).toEqual([['ann', '1', { n: 7, by: 'ann' }, events[0]!.id, 1]]);
  });

  it('is no way for an anonymous client, which is told why, whatever the topic', async () => {
    const app = await startApp('express', { imports: [PushModule.forRoot()], providers: [AnythingPolicy] });
    const client = await openWs(app.webSocketUrl());
    for (const topic of ['anything.1', 'nowhere']) {
      expect(await client.ask('publish', { topic, data: 1 })).toMatchObject({
        code: 'FORBIDDEN',
        message: `Not allowed to publish to ${topic}. Only users publish, and this client is anonymous: see \`authenticate\`.`,
      });
    }
  });
});

it('the server excepts a connection by its id', async () => {
  const { app } = await start();
  const [ann, bob] = [
    await openWs(app.webSocketUrl(), as('ann')),
    await openWs(app.webSocketUrl(), as('bob')),
  ];
  await Promise.all([ann.subscribe('public.x'), bob.subscribe('public.x')]);
  const [hello] = ann.all('hello');
  const bus = app.nest.get(EventBus);
  await bus.publish('public.x', 1, { except: String(hello!.connection) });
  await bus.publish('public.x', 2);
  expect(await bob.untilData(2)).toEqual([1, 2]);
  expect(await ann.untilData(1)).toEqual([2]);
  const reader = await openStream(app.url('/push/events?topic=public.x'), as('ann'));
  await bus.publish('public.x', 3, { except: String(hello!.connection) });
  await reader.untilEvents(1);
});
