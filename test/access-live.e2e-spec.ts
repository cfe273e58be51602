import {
  Controller,
  Inject,
  Param,
  Req,
  Sse,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import {
  Backplane,
  EventBus,
  PushAccess,
  PushModule,
  PushTickets,
  PushTopic,
  topic,
  type Principal,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { map } from 'rxjs';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { SharedMemory } from './support/shared-memory.js';
import { openSse, openStream } from './support/sse-reader.js';
import {
  platforms,
  platformsWithHttp2,
  startApp,
  type Platform,
  type RunningApp,
} from './support/start-app.js';
import { openWs } from './support/ws-client.js';
import { eventually } from './support/watched.js';

@PushTopic('orders.:id')
class OrdersPolicy implements TopicPolicy {
  /** Holds back the answers while a test wants it, and says that there is one. */
  static gate: { decided(): void; opens: Promise<void> } | undefined;

  constructor(private readonly users: Users) {}

  async canSubscribe({ id: user }: Principal, { id }: { id: string }) {
    const isOwner = this.users.orders.get(id) === user;
    OrdersPolicy.gate?.decided();
    await OrdersPolicy.gate?.opens;
    return isOwner;
  }
}

@PushTopic('orders.*')
class AllOrdersPolicy implements TopicPolicy {
  constructor(private readonly users: Users) {}

  canSubscribe({ id }: Principal) {
    return this.users.admins.has(id);
  }
}

/** From now on answers of the policy wait: `decided` resolves when there is one. */
function holdAnswers() {
  let open!: () => void;
  const opens = new Promise<void>((resolve) => (open = resolve));
  const decided = new Promise<void>((resolve) => (OrdersPolicy.gate = { decided: resolve, opens }));
  const release = () => {
    OrdersPolicy.gate = undefined;
    open();
  };
  return { decided, release };
}

/** An application's own guard, which leaves its user on the request. */
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ user?: unknown; headers: Record<string, string> }>();
    request.user = { name: request.headers['x-user'], until: Number(request.headers['x-until'] ?? Infinity) };
    return request.headers['x-user'] !== undefined && request.headers['x-user'] !== 'banned';
  }
}

@Controller('own')
@UseGuards(UserGuard)
class OwnController {
  constructor(@Inject(EventBus) private readonly events: EventBus) {}

  @Sse(':id/direct')
  direct(@Param('id') id: string, @Req() _request: unknown) {
    return this.events.stream(topic`orders.${id}`);
  }

  @Sse(':id/piped')
  piped(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`).pipe(map((message) => message));
  }
}

const sse: PushOptions['sse'] = {
  principal: ({ user }) => {
    const { name, until } = user as { name: string; until: number };
    return { id: name, ...(until < Infinity && { expiresAt: until }) };
  },
};

async function start(options: PushOptions = {}, platform: Platform = 'express') {
  const app = await startApp(platform, {
    imports: [
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        topics: [{ pattern: 'public.>', access: 'public' }],
        sse,
        ...options,
      }),
    ],
    controllers: [OwnController],
    providers: [Users, OrdersPolicy, AllOrdersPolicy],
  });
  const users = app.nest.get(Users);
  users.orders.set('42', 'ann').set('43', 'ann').set('44', 'bob');
  users.admins.add('root');
  return { app, users, access: app.nest.get(PushAccess), tickets: app.nest.get(PushTickets) };
}

const lastData = (events: { type: string; data: string }[]) =>
  events.at(-1) && JSON.parse(events.at(-1)!.data);

describe('a principal that expires', () => {
  it('ends its WebSocket with 4401, after it was told', async () => {
    const { app, users } = await start();
    users.lifetime = 2_000;
    const began = Date.now();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect((await client.untilClosed()).code).toBe(4401);
    expect(Date.now() - began).toBeGreaterThan(1_900);
    expect(client.all('error')).toMatchObject([{ code: 'UNAUTHENTICATED', retryable: false }]);
    await eventually(() => app.bus.stats().connections === 0);
  });

  it('ends its stream with push.expired, which keeps the id to resume from', async () => {
    const { app, users } = await start();
    users.lifetime = 3_000;
    const reader = await openStream(app.url('/push/events?topic=orders.42'), as('ann'));
    const id = await app.bus.publish('orders.42', 1);
    await reader.untilEnd();
    expect(reader.events.map(({ type }) => type)).toEqual(['message', 'push.expired']);
    expect(lastData(reader.events)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(reader.lastEventId).toBe(id);
    users.lifetime = Infinity;
    const second = await openStream(app.url('/push/events?topic=orders.42'), {
      headers: { ...as('ann').headers, 'Last-Event-ID': id },
    });
    await app.bus.publish('orders.42', 2);
    await second.untilEvents(1);
    expect(second.events.map(({ data }) => (JSON.parse(data) as { data: unknown }).data)).toEqual([2]);
  });

  it.each(platforms)('ends streams of routes of its own on %s', async (platform) => {
    const { app } = await start({}, platform);
    for (const path of ['/own/42/direct', '/own/42/piped']) {
      const headers = { 'x-user': 'ann', 'x-until': String(Date.now() + 3_000) };
      const reader = await openStream(app.url(path), { headers });
      await reader.untilEnd();
      expect(reader.events.at(-1)!.type).toBe('push.expired');
    }
  });

  it('stays when it refreshes in time', async () => {
    const { app, users } = await start();
    users.lifetime = 3_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('orders.42');
    users.lifetime = 60_000;
    const answer = await client.ask('refresh', { token: 'ann' });
    expect(answer).toMatchObject({ event: 'refreshed' });
    expect(Number(answer.expiresAt)).toBeGreaterThan(Date.now() + 50_000);
    // A client that expires with it shows that the time has passed.
    users.lifetime = 3_250;
    const control = await openWs(app.webSocketUrl(), as('ann'));
    await control.untilClosed();
    await app.bus.publish('orders.42', 1);
    expect(await client.untilData(1)).toEqual([1]);
  });

  it('may refresh to no end at all, and never to somebody else', async () => {
    const { app, users } = await start();
    users.lifetime = 60_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.ask('refresh', { token: 'bob' })).toMatchObject({
      event: 'error',
      code: 'UNAUTHENTICATED',
    });
    expect(await client.ask('refresh', { token: '' })).toMatchObject({
      event: 'error',
      code: 'INVALID_MESSAGE',
    });
    users.lifetime = Infinity;
    const answer = await client.ask('refresh', { token: 'ann' });
    expect(answer).toEqual({ event: 'refreshed', ref: answer.ref });
  });

  it('loses with a refresh what it may no longer read, and keeps the rest', async () => {
    const { app, users } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'orders.43', 'public.news']);
    users.orders.set('42', 'bob');
    await client.ask('refresh', { token: 'ann' });
    expect(client.all('revoked')).toEqual([{ topics: ['orders.42'] }]);
    await app.bus.publish('orders.42', 'secret');
    await app.bus.publish('orders.43', 'mine');
    expect(await client.untilData(1)).toEqual(['mine']);
  });
});

describe.each(platformsWithHttp2)('a refresh while nobody decides, with %s', (platform) => {
  const quick: PushOptions = { limits: { decisionTimeout: 100 }, onError: () => undefined };

  it('loses what could not be decided, keeps the rest, and may ask again', async () => {
    const { app, users } = await start(quick, platform);
    users.lifetime = 60_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'public.news', 'orders.43']);
    const { release } = holdAnswers();
    users.orders.set('42', 'bob');
    expect(await client.ask('refresh', { token: 'ann' })).toMatchObject({ event: 'refreshed' });
    expect(client.all('revoked')).toEqual([{ topics: ['orders.42', 'orders.43'], retryable: true }]);
    release();
    await app.bus.publish('orders.42', 'secret');
    await app.bus.publish('public.news', 'news');
    expect(await client.untilData(1)).toEqual(['news']);
    expect(await client.subscribe('orders.42')).toMatchObject({ code: 'FORBIDDEN' });
    expect(await client.subscribe('orders.43')).toMatchObject({ event: 'subscribed' });
  });

  it('tells what was decided from what was not', async () => {
    const { app, users } = await start(quick, platform);
    const root = await openWs(app.webSocketUrl(), as('root'));
    await root.subscribe(['orders.*', 'orders.42']);
    users.admins.delete('root');
    const { release } = holdAnswers();
    await root.ask('refresh', { token: 'root' });
    release();
    expect(root.all('revoked')).toEqual([
      { topics: ['orders.*'] },
      { topics: ['orders.42'], retryable: true },
    ]);
  });

  it('holds nothing longer than the old proof, if the answer comes after that', async () => {
    const { app, users } = await start({ ...quick, limits: { decisionTimeout: 10_000 } }, platform);
    users.lifetime = 3_000;
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('orders.42');
    const { decided, release } = holdAnswers();
    users.lifetime = 60_000;
    client.send({ event: 'refresh', data: { token: 'ann' } });
    await decided;
    expect((await client.untilClosed()).code).toBe(4401);
    release();
    await eventually(() => app.bus.stats().connections === 0);
  });
});

describe('disconnectUser', () => {
  it('ends all that a user has, whatever carries it, and nobody else', async () => {
    const { app, access } = await start();
    const [one, two, bob] = await Promise.all(
      ['ann', 'ann', 'bob'].map((name) => openWs(app.webSocketUrl(), as(name))),
    );
    const stream = await openStream(app.url('/push/events?topic=orders.42'), as('ann'));
    const direct = await openStream(app.url('/own/42/direct'), { headers: { 'x-user': 'ann' } });
    const piped = await openStream(app.url('/own/42/piped'), { headers: { 'x-user': 'ann' } });
    const others = await openStream(app.url('/own/42/direct'), { headers: { 'x-user': 'bob' } });
    await access.disconnectUser('ann');
    expect((await one!.untilClosed()).code).toBe(4401);
    expect((await two!.untilClosed()).code).toBe(4401);
    for (const reader of [stream, direct, piped]) {
      await reader.untilEnd();
      expect(reader.events.at(-1)!.type).toBe('push.expired');
    }
    await app.bus.publish('orders.42', 1);
    await others.untilEvents(1);
    expect(bob!.closed).toBeUndefined();
    // The same user may come back, if the application lets it.
    expect((await openWs(app.webSocketUrl(), as('ann'))).all('hello')).toHaveLength(1);
  });

  it('voids the tickets that the user has', async () => {
    const { app, access, tickets } = await start();
    const ticket = await tickets.issue({ id: 'ann' });
    await access.disconnectUser('ann');
    const reader = await openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
    expect(reader.status).toBe(401);
    const later = await tickets.issue({ id: 'ann' });
    expect((await openSse(app.url(`/push/events?topic=orders.42&ticket=${later}`))).status).toBe(200);
  });

  it('also refuses who is being let in', async () => {
    const { app, access } = await start();
    const { decided, release } = holdAnswers();
    const answer = openSse(app.url('/push/events?topic=orders.42'), as('ann'));
    await decided;
    await access.disconnectUser('ann');
    release();
    const reader = await answer;
    expect(reader.status).toBe(401);
  });
});

describe('revoke', () => {
  it('takes a topic from a live WebSocket, tells it, and leaves the others', async () => {
    const { app, users, access } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'orders.43']);
    users.orders.delete('42');
    await access.revoke('ann', 'orders.42');
    expect(await client.next('revoked')).toEqual({ topics: ['orders.42'] });
    await app.bus.publish('orders.42', 'secret');
    await app.bus.publish('orders.43', 'mine');
    expect(await client.untilData(1)).toEqual(['mine']);
    expect(await client.subscribe('orders.42', 'earliest')).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('takes a wildcard that holds the topic, and patterns within', async () => {
    const { app, access } = await start();
    const root = await openWs(app.webSocketUrl(), as('root'));
    await root.subscribe(['orders.*', 'orders.7', 'public.a.b', 'public.x']);
    await access.revoke('root', 'orders.42');
    expect(await root.next('revoked')).toEqual({ topics: ['orders.*'] });
    await access.revoke('root', 'public.*.b');
    expect(await root.next('revoked', 1)).toEqual({ topics: ['public.a.b'] });
    await access.revoke('root', '>');
    expect(await root.next('revoked', 2)).toEqual({ topics: ['orders.7', 'public.x'] });
    await expect(access.revoke('root', 'a..b')).rejects.toMatchObject({ code: 'INVALID_TOPIC' });
  });

  it('ends a stream that holds the topic; who comes back is decided about anew', async () => {
    const { app, users, access } = await start();
    const reader = await openStream(app.url('/push/events?topic=orders.42&topic=orders.43'), as('ann'));
    const other = await openStream(app.url('/push/events?topic=orders.43'), as('ann'));
    const piped = await openStream(app.url('/own/42/piped'), { headers: { 'x-user': 'ann' } });
    users.orders.delete('42');
    await access.revoke('ann', 'orders.42');
    await reader.untilEnd();
    expect(reader.events.map(({ type }) => type)).toEqual(['push.error']);
    expect(lastData(reader.events)).toMatchObject({ code: 'FORBIDDEN', retryable: false });
    expect(reader.lastEventId).not.toBe('push.end');
    await piped.untilEnd();
    await app.bus.publish('orders.43', 1);
    await other.untilEvents(1);
    expect((await openSse(app.url('/push/events?topic=orders.42'), as('ann'))).status).toBe(403);
  });

  it('beats a decision that was made before it, and is not in force yet', async () => {
    const { app, users, access } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const { decided, release } = holdAnswers();
    const answer = client.subscribe('orders.42');
    await decided;
    users.orders.set('42', 'bob');
    await access.revoke('ann', 'orders.42');
    release();
    expect(await answer).toMatchObject({ event: 'error', code: 'FORBIDDEN' });
  });
});

describe.each<[string, () => Promise<ServerProcess>, (port: number) => Backplane]>([
  ['Redis', () => startRedis(), (port) => redisBackplane({ url: `redis://127.0.0.1:${port}` })],
  ['NATS', () => startNats(), (port) => natsBackplane({ servers: `127.0.0.1:${port}` })],
  ['Postgres', () => startPostgres(), (port) => postgresBackplane({ url: urlOf(port) })],
])('several nodes on %s', (_, startServer, backplaneOn) => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  it('disconnect, revoke and redeem as one', async () => {
    const node = () => start({ backplane: backplaneOn(server.port) });
    const [here, there] = [await node(), await node()];
    // A node hears of the others as soon as it is there.
    for (const { app } of [here, there])
      await eventually(async () => (await app.nest.get(Backplane).health()).ready);
    const ticket = await here.tickets.issue({ id: 'ann' });
    const doors = [there, here, there].map(({ app }) =>
      openSse(app.url(`/push/events?topic=public.x&ticket=${ticket}`)),
    );
    expect((await Promise.all(doors)).map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    const client = await openWs(there.app.webSocketUrl(), as('ann'));
    const reader = await openStream(there.app.url('/push/events?topic=orders.43'), as('ann'));
    const bob = await openWs(there.app.webSocketUrl(), as('bob'));
    await client.subscribe(['orders.42', 'orders.43']);
    await here.access.revoke('ann', 'orders.42');
    expect(await client.next('revoked')).toEqual({ topics: ['orders.42'] });
    const unused = await there.tickets.issue({ id: 'ann' });
    await here.access.disconnectUser('ann');
    expect((await client.untilClosed()).code).toBe(4401);
    await reader.untilEnd();
    expect(reader.events.at(-1)!.type).toBe('push.expired');
    expect((await openSse(there.app.url(`/push/events?topic=public.x&ticket=${unused}`))).status).toBe(401);
    expect(bob.closed).toBeUndefined();
  });
});

describe('several nodes', () => {
  async function nodes() {
    const memory = new SharedMemory();
    const [here, there] = [
      await start({ backplane: memory.node() }),
      await start({ backplane: memory.node() }),
    ];
    return { memory, here, there };
  }

  it('disconnect and revoke on all of them', async () => {
    const { here, there } = await nodes();
    const client = await openWs(there.app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'orders.43']);
    await here.access.revoke('ann', 'orders.42');
    expect(await client.next('revoked')).toEqual({ topics: ['orders.42'] });
    await here.access.disconnectUser('ann');
    expect((await client.untilClosed()).code).toBe(4401);
  });

  it('redeem a ticket once between them', async () => {
    const { here, there } = await nodes();
    const ticket = await here.tickets.issue({ id: 'ann' });
    const ask = ({ app }: { app: RunningApp }) =>
      openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
    const statuses = (await Promise.all([here, there, here, there].map(ask))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 401, 401, 401]);
  });

  it('tell when the others could not be told; this node is', async () => {
    const { memory, here, there } = await nodes();
    const [mine, theirs] = [
      await openWs(here.app.webSocketUrl(), as('ann')),
      await openWs(there.app.webSocketUrl(), as('ann')),
    ];
    memory.control = 'fails';
    await expect(here.access.disconnectUser('ann')).rejects.toThrow('cut off');
    expect((await mine.untilClosed()).code).toBe(4401);
    expect(theirs.closed).toBeUndefined();
  });

  it('ignore control messages that they do not understand', async () => {
    const { here, there, memory } = await nodes();
    const client = await openWs(there.app.webSocketUrl(), as('ann'));
    await client.subscribe('public.x');
    const node = memory.node();
    for (const message of [
      ...['', 'null', '7', '{}', '{"push":"later"}', '{"push":"disconnect"}', 'not json'],
      '{"push":"revoke","user":"ann"}',
      '{"push":"revoke","user":"ann","pattern":"a..b"}',
      '{"push":"revoke","user":7,"pattern":">"}',
    ])
      await node.control(message);
    expect(client.all('revoked')).toEqual([]);
    await here.access.revoke('ann', 'other.>');
    expect(await client.ask('refresh', { token: 'ann' })).toMatchObject({ event: 'refreshed' });
  });
});

describe('tickets', () => {
  it('open both doors, each once', async () => {
    const { app, tickets } = await start();
    const expiresAt = new Date(Date.now() + 60_000);
    const ticket = await tickets.issue({ id: 'ann', expiresAt, roles: ['x'] });
    expect(ticket).toMatch(/^[A-Za-z0-9_-]{64}$/);
    const client = await openWs(app.webSocketUrl(`/push?ticket=${ticket}`));
    expect(client.all('hello')).toMatchObject([{ expiresAt: expiresAt.getTime() }]);
    expect(await client.subscribe('orders.42')).toMatchObject({ event: 'subscribed' });
    const again = await openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
    expect(again.status).toBe(401);
    const another = await tickets.issue({ id: 'ann' });
    expect((await openSse(app.url(`/push/events?topic=orders.42&ticket=${another}`))).status).toBe(200);
  });

  it('take away, and never grant', async () => {
    const { app, tickets } = await start();
    const ticket = await tickets.issue({ id: 'ann' }, { topics: ['orders.42', 'orders.44', 'public.a.*'] });
    const client = await openWs(app.webSocketUrl(`/push?ticket=${ticket}`));
    expect(await client.subscribe('orders.42')).toMatchObject({ event: 'subscribed' });
    expect(await client.subscribe('public.a.b')).toMatchObject({ event: 'subscribed' });
    for (const topic of ['orders.43', 'orders.44', 'public.b', 'public.>']) {
      expect(await client.subscribe(topic)).toMatchObject({ code: 'FORBIDDEN' });
    }
    // A refresh does not widen it.
    await client.ask('refresh', { token: 'ann' });
    expect(await client.subscribe('orders.43')).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('are refused in the same words, whatever is wrong with them', async () => {
    const { app, tickets } = await start();
    const used = await tickets.issue({ id: 'ann' });
    await openSse(app.url(`/push/events?topic=orders.42&ticket=${used}`));
    const late = await tickets.issue({ id: 'ann' }, { ttl: 1 });
    const began = Date.now();
    await eventually(() => Date.now() > began + 5);
    const real = await tickets.issue({ id: 'ann' });
    const halfRight = real.slice(0, 32) + used.slice(32);
    const answers = new Set<string>();
    for (const ticket of [
      used,
      late,
      halfRight,
      '',
      'x',
      'A'.repeat(64),
      'A'.repeat(5_000),
      '%00',
      '__proto__',
    ]) {
      const reader = await openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
      answers.add(`${reader.status} ${await reader.untilEnd()}`);
    }
    expect([...answers]).toEqual([
      '401 {"statusCode":401,"code":"UNAUTHENTICATED","message":"The ticket is not valid, or no longer. Ask for a new one."}',
    ]);
  });

  it.each([
    [{ ttl: 0 }, 'INVALID_OPTION'],
    [{ ttl: 300_001 }, 'INVALID_OPTION'],
    [{ ttl: NaN }, 'INVALID_OPTION'],
    [{ topics: ['a..b'] }, 'INVALID_TOPIC'],
  ])('cannot be issued with %o', async (options, code) => {
    const { tickets } = await start();
    await expect(tickets.issue({ id: 'ann' }, options)).rejects.toMatchObject({ code });
    await expect(tickets.issue({ id: '' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('need a backplane that keeps them', async () => {
    const backplane = new SharedMemory().node();
    Object.assign(backplane, { oneTimeStore: undefined });
    const { app, tickets } = await start({ backplane });
    await expect(tickets.issue({ id: 'ann' })).rejects.toThrow('keeps no tickets');
    expect((await openSse(app.url(`/push/events?topic=public.x&ticket=${'A'.repeat(64)}`))).status).toBe(401);
  });
});
