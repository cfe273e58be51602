import {
  Controller,
  Injectable,
  Param,
  Sse,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import {
  Authenticator,
  EventBus,
  OnPush,
  PushClients,
  PushModule,
  PushTopic,
  topic,
  type AuthenticationResult,
  type Handshake,
  type OnPushEvent,
  type Principal,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { pushTesting } from 'nestjs-push/testing/app';
import { afterTest } from './support/cleanup.js';
import { createApp, platforms, type Platform } from './support/start-app.js';

interface Topics {
  'orders.*': { status: 'paid' | 'shipped' };
  'rooms.*': string;
}

/** The application's own: a token is a user's name. */
@Injectable()
class NameAuthenticator extends Authenticator {
  authenticate({ token }: Handshake): AuthenticationResult {
    return token === undefined ? undefined : { id: token };
  }
}

/** Whoever is an owner may read orders, and talk in rooms. */
@Injectable()
@PushTopic('orders.:id')
class OrdersPolicy implements TopicPolicy {
  canSubscribe({ role }: Principal): boolean {
    return role === 'owner';
  }
}

@Injectable()
@PushTopic('rooms.:id')
class RoomsPolicy implements TopicPolicy {
  canSubscribe(): boolean {
    return true;
  }

  canPublish({ id }: Principal): boolean {
    return id !== 'mute';
  }
}

/** Lets in whom somebody else has authenticated. */
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ user?: unknown; raw?: { user?: unknown } }>();
    return (request.user ?? request.raw?.user) !== undefined;
  }
}

@Controller('orders')
class OrdersController {
  constructor(private readonly bus: EventBus) {}

  @UseGuards(UserGuard)
  @Sse(':id/events')
  watch(@Param('id') id: string) {
    return this.bus.stream(topic`orders.${id}`);
  }
}

const owner = { id: 'ann', role: 'owner' };

interface Setting {
  readonly platform?: Platform;
  readonly options?: PushOptions;
  readonly providers?: NonNullable<Parameters<typeof createApp>[1]['providers']>;
}

async function start({ platform = 'express', options, providers = [] }: Setting = {}) {
  const app = await createApp(platform, {
    imports: [PushModule.forRoot({ authenticate: NameAuthenticator, ...options })],
    controllers: [OrdersController],
    providers: [OrdersPolicy, RoomsPolicy, ...providers],
  });
  const push = await pushTesting<Topics>(app);
  afterTest(() => push.close());
  return { app, push, bus: app.get<EventBus<Topics>>(EventBus) };
}

/** A method that finishes when it is told to. */
class Work {
  finish!: () => void;
  readonly finished = new Promise<void>((resolve) => (this.finish = resolve));
}

const paid = { status: 'paid' } as const;
const shipped = { status: 'shipped' } as const;

describe.each(platforms)('What was published, on %s', (platform) => {
  it('is there one by one, whether it came before or is yet to come', async () => {
    const { push, bus } = await start({ platform });
    await bus.publish('orders.42', paid, { type: 'paid', meta: { by: 'ann' } });
    const first = await push.published('orders.42');
    expect(first).toMatchObject({ topic: 'orders.42', data: paid, type: 'paid', meta: { by: 'ann' } });
    const status: 'paid' | 'shipped' = first.data.status;
    expect(status).toBe('paid');
    const second = push.published('orders.*');
    await bus.publish('orders.43', shipped);
    expect((await second).data).toEqual(shipped);
    expect(push.allPublished('orders.>').map(({ topic }) => topic)).toEqual(['orders.42', 'orders.43']);
    await push.nonePublished();
  });

  it('is named where something else was expected', async () => {
    const { push, bus } = await start({ platform });
    await expect(push.published('orders.42')).rejects.toThrow(
      'Nothing was published to orders.42. Nothing was published at all. (waited 4000 ms)',
    );
    await bus.publish('orders.41', paid);
    await bus.publish('orders.42', paid);
    await push.published('orders.42');
    await expect(push.published('orders.42')).rejects.toThrow(
      'Nothing more was published to orders.42. Published so far: orders.41 (1), orders.42 (1).',
    );
    await expect(push.nonePublished('orders.*')).rejects.toThrow(
      'Nothing was expected of orders.*, and 1 events were published: orders.41 {"status":"paid"}',
    );
  });
});

describe('push.settled()', () => {
  it('waits for methods with @OnPush(), in groups and on every node, and for what they publish', async () => {
    const done: string[] = [];
    const work = new Work();
    @Injectable()
    class Handlers {
      constructor(private readonly bus: EventBus) {}

      @OnPush('orders.:id', { group: 'billing' })
      async bill({ params }: OnPushEvent<'orders.:id'>) {
        await work.finished;
        await this.bus.publish(topic`invoices.${params.id}`, 1);
      }

      @OnPush('invoices.*')
      async print({ topic: name }: OnPushEvent) {
        await new Promise(setImmediate);
        done.push(name);
      }
    }
    const { push, bus } = await start({ providers: [Handlers] });
    await bus.publish('orders.42', paid);
    let isSettled = false;
    const settled = push.settled().then(() => (isSettled = true));
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    work.finish();
    await settled;
    expect(done).toEqual(['invoices.42']);
  });

  it('waits for the promises of observers', async () => {
    const { push, bus } = await start();
    const seen: unknown[] = [];
    bus.on('orders.*').subscribe(async ({ data }) => {
      await new Promise(setImmediate);
      seen.push(data);
    });
    await bus.publish('orders.1', paid);
    await push.settled();
    expect(seen).toEqual([paid]);
  });

  it('says what still works when its time is over', async () => {
    const work = new Work();
    @Injectable()
    class Handlers {
      @OnPush('orders.*')
      handle() {
        return work.finished;
      }
    }
    const { push, bus } = await start({ providers: [Handlers] });
    await bus.publish('orders.1', paid);
    await expect(push.settled()).rejects.toThrow('After 4000 ms, methods with @OnPush() are still at work.');
    work.finish();
    await push.settled();
  });

  it('waits for the attempts of a group, which time brings about', async () => {
    const attempts: number[] = [];
    @Injectable()
    class Handlers {
      @OnPush('orders.*', { group: 'billing', retries: 3, retryDelay: 30_000 })
      handle({ attempt }: OnPushEvent) {
        attempts.push(attempt);
        if (attempt < 3) throw new Error('Not yet.');
      }
    }
    const { push, bus } = await start({ providers: [Handlers] });
    await bus.publish('orders.1', paid);
    while (attempts.length < 1) await new Promise(setImmediate);
    await push.time.advance(200_000);
    await push.settled();
    expect(attempts).toEqual([1, 2, 3]);
  });
});

describe.each(platforms)('Test clients on %s', (platform) => {
  it.each(['websocket', 'sse'] as const)('over %s are cut, come back and miss nothing', async (transport) => {
    const { app, push, bus } = await start({ platform });
    const client = await push.connect({ as: owner, topics: 'orders.42', transport });
    expect(app.get(PushClients).list()).toMatchObject([
      { transport, principal: owner, topics: ['orders.42'] },
    ]);
    await bus.publish('orders.42', paid, { type: 'paid' });
    const event = await client.next();
    expect(event).toEqual({ topic: 'orders.42', id: expect.any(String), type: 'paid', data: paid });
    await client.cut();
    expect(client.ended).toMatchObject({ error: undefined });
    expect(app.get(PushClients).size).toBe(0);
    await bus.publish('orders.42', shipped);
    await client.resume();
    const { data }: { data: Topics['orders.*'] } = await client.next();
    expect(data).toEqual(shipped);
    expect(client.received).toHaveLength(2);
    expect(client.gaps).toEqual([]);
  });

  it('read routes of the application, as the user that guards see', async () => {
    const { push, bus } = await start({ platform });
    await expect(push.connect({ route: '/orders/42/events' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const client = await push.connect({ as: owner, route: '/orders/42/events' });
    await bus.publish('orders.42', paid);
    expect(await client.next()).toMatchObject({ topic: '', data: paid });
    await client.cut();
    await bus.publish('orders.42', shipped);
    await client.resume();
    expect((await client.next()).data).toEqual(shipped);
  });

  it.each(['websocket', 'sse'] as const)(
    'over %s are refused with the code that they were told',
    async (transport) => {
      const { push } = await start({ platform });
      await expect(push.connect({ transport, topics: 'orders.1' })).rejects.toMatchObject({
        name: 'PushError',
        code: 'UNAUTHENTICATED',
      });
      // The application's own authenticator is as it was.
      const headers = { authorization: 'Bearer bob' };
      await expect(push.connect({ transport, headers, topics: 'orders.1' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      const forged = { 'push-testing-as': 'ann' };
      await expect(push.connect({ transport, headers: forged, topics: 'orders.1' })).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
      });
      await expect(push.connect({ transport, as: 'bob', topics: 'orders.1' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    },
  );

  it.each(['websocket', 'sse'] as const)('over %s publish, or are told why not', async (transport) => {
    const { push } = await start({ platform });
    const bob = await push.connect({ as: 'bob', topics: 'rooms.1', transport });
    const id = await bob.publish('rooms.1', 'hello');
    expect(await push.published('rooms.1')).toMatchObject({ id, data: 'hello' });
    expect((await bob.next()).data).toBe('hello');
    const mute = await push.connect({ as: 'mute', topics: 'rooms.1', transport });
    await expect(mute.publish('rooms.1', 'hello')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await push.nonePublished('rooms.*');
  });

  it('subscribe to more, and read no more', async () => {
    const { push, bus } = await start({ platform });
    const client = await push.connect({ as: owner });
    await expect(client.subscribe('secrets')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await client.subscribe(['orders.1', 'rooms.1']);
    await client.unsubscribe('rooms.1');
    await bus.publish('rooms.1', 'unheard');
    await bus.publish('orders.1', paid);
    expect((await client.next()).topic).toBe('orders.1');
    await client.resume();
    await bus.publish('orders.1', shipped);
    expect((await client.next()).data).toEqual(shipped);
  });
});

describe('The waits of a client', () => {
  it('say what it was told instead, and why its connection is over', async () => {
    const { app, push } = await start();
    const client = await push.connect({ as: owner, topics: 'orders.1' });
    await expect(client.next()).rejects.toThrow(
      'The client has received no event. It was told: hello, subscribed, live. (waited 4000 ms)',
    );
    await expect(client.end()).rejects.toThrow('The connection has not ended.');
    await client.cut();
    await expect(client.next()).rejects.toThrow('There is no event: the connection has ended with 1006.');
    const stream = await push.connect({ as: owner, topics: 'orders.1', transport: 'sse' });
    await expect(stream.subscribe('rooms.1')).rejects.toThrow('An event stream cannot subscribe.');
    await app.close();
    expect(await stream.end()).toMatchObject({ delay: expect.any(Number) });
  });
});

describe('An application', () => {
  it('may speak TLS, have a global prefix, and listen already', async () => {
    const app = await createApp(
      'fastify with TLS',
      { imports: [PushModule.forRoot({ topics: [{ pattern: 'news.*', access: 'public' }] })] },
      (nest) => nest.setGlobalPrefix('api'),
    );
    await app.listen(0, '127.0.0.1');
    const push = await pushTesting(app);
    afterTest(() => push.close());
    for (const transport of ['websocket', 'sse'] as const) {
      const client = await push.connect({ topics: 'news.1', transport });
      await client.cut();
      expect(app.get(PushClients).size).toBe(0);
      await app.get(EventBus).publish('news.1', 'missed');
      await client.resume();
      expect((await client.next()).data).toBe('missed');
      await client.close();
    }
  });

  it('without push in it is refused', async () => {
    const app = await createApp('express', {});
    afterTest(() => app.close());
    await expect(pushTesting(app)).rejects.toThrow('The application has no PushModule.');
  });
});
