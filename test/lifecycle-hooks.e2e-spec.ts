import { ForbiddenException, Injectable } from '@nestjs/common';
import {
  Authenticator,
  EventBus,
  OnPushConnect,
  OnPushDisconnect,
  OnPushSubscribe,
  OnPushUnsubscribe,
  PushAccess,
  PushClients,
  PushLifecycle,
  PushModule,
  type ConnectionContext,
  type DisconnectContext,
  type SubscribeContext,
} from 'nestjs-push';
import { request } from 'node:http';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';

const open = { topics: [{ pattern: 'news.>', access: 'public' as const }] };
const events = '/push/events?topic=news.>';

@Injectable()
class Hooks {
  readonly calls: unknown[] = [];
  refuse = false;
  /** Nobody is let in before. */
  hold: Promise<unknown> | undefined;
  waiting = 0;

  @OnPushConnect()
  async connected(context: ConnectionContext): Promise<void> {
    this.waiting++;
    await (this.hold ?? new Promise((resolve) => setImmediate(resolve)));
    this.calls.push(['connect', context.transport]);
    if (this.refuse) throw new ForbiddenException('not today');
  }

  @OnPushSubscribe()
  subscribed({ topics }: SubscribeContext): void {
    this.calls.push(['subscribe', topics]);
    if (topics.includes('news.secret')) throw new ForbiddenException('not this one');
  }

  @OnPushDisconnect()
  async disconnected({ transport, reason }: DisconnectContext): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.calls.push(['disconnect', transport, reason]);
    throw new Error('a hook that fails');
  }
}

describe.each(platforms)('Hooks on %s', (platform) => {
  async function start() {
    const errors: string[] = [];
    const onError = (error: unknown, { stage }: { stage: string }) =>
      errors.push(`${stage}: ${(error as Error).message}`);
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ ...open, onError })],
      providers: [Hooks],
    });
    return { app, hooks: app.nest.get(Hooks), errors };
  }

  it('see connections come, subscribe and go, and are awaited', async () => {
    const { app, hooks, errors } = await start();
    const stream = await openStream(app.url(events));
    const socket = await openWs(app.webSocketUrl());
    await socket.subscribe('news.a');
    expect(await socket.ask('subscribe', { topics: ['news.secret'] })).toMatchObject({
      event: 'error',
      code: 'FORBIDDEN',
      message: 'not this one',
    });
    stream.drop();
    await eventually(() => hooks.calls.length === 6);
    socket.socket.close();
    await eventually(() => hooks.calls.length === 7);
    expect(hooks.calls).toEqual([
      ['connect', 'sse'],
      ['subscribe', ['news.>']],
      ['connect', 'websocket'],
      ['subscribe', ['news.a']],
      ['subscribe', ['news.secret']],
      ['disconnect', 'sse', 'client'],
      ['disconnect', 'websocket', 'client'],
    ]);
    expect(errors).toEqual(['disconnect: a hook that fails', 'disconnect: a hook that fails']);
  });

  it('see topics go that a client no longer wants, or may no longer read, once and only those that it had', async () => {
    @Injectable()
    class Seen {
      readonly topics: (readonly string[])[] = [];

      @OnPushUnsubscribe()
      unsubscribed({ topics }: SubscribeContext): void {
        this.topics.push(topics);
      }
    }
    class Ann extends Authenticator {
      authenticate() {
        return { id: 'ann' };
      }
    }
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ ...open, authenticate: Ann })],
      providers: [Seen],
    });
    const clients = app.nest.get(PushClients);
    const socket = await openWs(app.webSocketUrl());
    await socket.subscribe(['news.a', 'news.b', 'news.c']);
    expect(clients.list()).toEqual([
      {
        connection: socket.all('hello')[0]!.connection,
        transport: 'websocket',
        principal: { id: 'ann' },
        topics: ['news.a', 'news.b', 'news.c'],
      },
    ]);
    await socket.ask('unsubscribe', { topics: ['news.a', 'news.a', 'news.never'] });
    await app.nest.get(PushAccess).revoke('ann', 'news.b');
    await socket.next('revoked');
    expect(app.nest.get(Seen).topics).toEqual([['news.a'], ['news.b']]);
    expect(clients.list()[0]!.topics).toEqual(['news.c']);
    socket.socket.close();
    await eventually(() => clients.size === 0);
    expect(app.nest.get(Seen).topics).toHaveLength(2);
  });

  it('may refuse a connection before anything is sent', async () => {
    const { app, hooks } = await start();
    hooks.refuse = true;
    expect((await openSse(app.url(events))).status).toBe(403);
    const socket = await openWs(app.webSocketUrl());
    expect(await socket.untilClosed()).toEqual({ code: 4403, reason: 'FORBIDDEN' });
    expect(socket.messages.map(({ event }) => event)).toEqual(['error']);
  });

  it('come in pairs: who leaves before it is let in, or is refused, is seen off too', async () => {
    const { app, hooks } = await start();
    let letIn!: () => void;
    hooks.hold = new Promise<void>((resolve) => (letIn = resolve));
    const [stream, socket] = [
      request(app.url(events)).on('error', () => undefined),
      connectWs(app.webSocketUrl()),
    ];
    stream.end();
    await eventually(() => hooks.waiting === 2);
    stream.destroy();
    socket.socket.terminate();
    await eventually(() => app.sockets.size === 0);
    expect(hooks.calls).toEqual([]);
    letIn();
    const names = () =>
      hooks.calls.map((call) => (call as string[])[0]).filter((name) => name !== 'subscribe');
    await eventually(() => names().length === 4);
    expect(names().toSorted()).toEqual(['connect', 'connect', 'disconnect', 'disconnect']);
    hooks.hold = undefined;
    hooks.calls.length = 0;
    hooks.refuse = true;
    await openSse(app.url(events));
    await openWs(app.webSocketUrl());
    await eventually(() => hooks.calls.length === 4);
    expect(hooks.calls).toEqual([
      ['connect', 'sse'],
      ['disconnect', 'sse', 'error'],
      ['connect', 'websocket'],
      ['disconnect', 'websocket', 'error'],
    ]);
  });

  it('that still wait when a drain begins lead to a 503 with Retry-After, and 1012', async () => {
    const { app, hooks } = await start();
    let letIn!: () => void;
    hooks.hold = new Promise<void>((resolve) => (letIn = resolve));
    const stream = openSse(app.url(events));
    const socket = connectWs(app.webSocketUrl());
    await eventually(() => hooks.waiting === 2);
    const drained = app.nest.get(PushLifecycle).drain();
    letIn();
    const refused = await stream;
    expect(refused.status).toBe(503);
    expect(Number(refused.response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await socket.untilClosed()).code).toBe(1012);
    await drained;
  });

  it('are awaited when the application closes, up to a limit, and before the backplane ends', async () => {
    @Injectable()
    class Farewell {
      ids: string[] = [];

      constructor(private readonly bus: EventBus) {}

      @OnPushDisconnect()
      async publish(): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
        this.ids.push(await this.bus.publish('news.left', 1));
      }

      @OnPushDisconnect()
      forget(): Promise<void> {
        return new Promise(() => undefined);
      }
    }
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ ...open, shutdownTimeout: 2_000 })],
      providers: [Farewell],
    });
    await openStream(app.url(events));
    await app.nest.close();
    expect(app.nest.get(Farewell).ids).toHaveLength(1);
  });

  it('are awaited when the application closes', async () => {
    const { app, hooks } = await start();
    await openStream(app.url(events));
    await app.nest.close();
    expect(hooks.calls.at(-1)).toEqual(['disconnect', 'sse', 'drain']);
  });
});
