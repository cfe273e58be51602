import { Controller, ForbiddenException, Get, Injectable, Module, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
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
import { once } from 'node:events';
import { request } from 'node:http';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { map, of, mergeMap, throwError } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';
import { openHandshake } from './support/ws-frames.js';

const open = { topics: [{ pattern: 'news.>', access: 'public' as const }] };
const events = '/push/events?topic=news.>';

/** A shutdown that waits for this limit takes longer than a test may. */
const unlimited = { ...open, shutdownTimeout: 600_000 };

/** Begins to drain, and waits until newcomers are refused. */
function drain(app: RunningApp): Promise<void> {
  const drained = app.nest.get(PushLifecycle).drain();
  expect(app.nest.get(PushLifecycle).ready).toBe(false);
  return drained;
}

describe.each(platforms)('A shutdown on %s', (platform) => {
  it('tells clients to come back, ends their connections cleanly, and returns', async () => {
    const app = await startApp(platform, { imports: [PushModule.forRoot(unlimited)] });
    const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(app.url(events))));
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openWs(app.webSocketUrl())));
    await app.nest.close();
    for (const stream of streams) {
      await stream.untilEnd();
      expect(stream.response.complete).toBe(true);
      expect(stream.blocks.at(-1)).toMatch(/^retry: \d+$/);
    }
    for (const socket of sockets) {
      expect(await socket.untilClosed()).toEqual({ code: 1012, reason: 'drain' });
      expect(socket.all('drain')).toEqual([{ delay: expect.any(Number) as number }]);
    }
    const retries = new Set(streams.map((stream) => stream.blocks.at(-1)));
    expect(retries.size).toBeGreaterThan(10);
  });

  it('cuts off who does not leave in time', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ ...unlimited, shutdownTimeout: 400 })],
    });
    const deaf = await openWs(app.webSocketUrl());
    deaf.socket.pause();
    const stalled = await openStream(app.url(events));
    stalled.response.socket.pause();
    const block = 'x'.repeat(200_000);
    for (let count = 0; count < 50; count++) await app.bus.publish('news.big', block);
    await app.nest.close();
  });

  it('answers newcomers 503 with Retry-After, while events still reach who is there', async () => {
    const app = await startApp(platform, { imports: [PushModule.forRoot(open)] });
    const deaf = await openWs(app.webSocketUrl());
    await deaf.subscribe('news.>');
    // A client that does not answer the close keeps the drain open for as long as the test looks at it.
    deaf.socket.pause();
    const drained = drain(app);
    const refused = await openSse(app.url(events));
    expect(refused.status).toBe(503);
    expect(Number(refused.response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    const upgrade = await openHandshake(app.port);
    await upgrade.until(() => upgrade.text.includes('\r\n\r\n'));
    expect(upgrade.text).toMatch(/^HTTP\/1\.1 503 /);
    expect(upgrade.text).toMatch(/^Retry-After: [1-9]/m);
    expect((await app.bus.publish('news.a', 1)).length).toBeGreaterThan(0);
    app.nest.get(PushLifecycle).abort();
    await drained;
  });
});

describe.each<Platform>(['express', 'fastify', 'fastify with TLS'])(
  'Connections of %s without a request',
  (platform) => {
    const answering = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';

    @Controller()
    class SlowController {
      begun = () => undefined as void;
      end = () => undefined as void;

      @Get('slow')
      async slow(): Promise<string> {
        this.begun();
        await new Promise<void>((resolve) => (this.end = resolve));
        return 'done';
      }
    }

    /** A connection that has said `text`. */
    function say(app: RunningApp, text: string): Promise<Socket> {
      return new Promise((resolve) => {
        const options = { port: app.port, host: '127.0.0.1', rejectUnauthorized: false };
        const said = () => (text ? socket.write(text, () => resolve(socket)) : resolve(socket));
        const socket = app.url('').startsWith('https') ? connectTls(options, said) : connect(options, said);
        socket.on('error', () => undefined).resume();
        afterTest(() => socket.destroy());
      });
    }

    const start = () =>
      startApp(platform, { imports: [PushModule.forRoot(open)], controllers: [SlowController] });

    it('do not hold a shutdown: opened ahead of need, in the middle of a head, kept alive, shaking hands', async () => {
      const app = await start();
      const sockets = [
        await say(app, ''),
        await say(app, 'GET / HTTP/1.1\r\nHost:'),
        await say(app, 'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n'),
      ];
      const answered = once(sockets[2]!, 'data');
      const plain = connect(app.port, '127.0.0.1').on('error', () => undefined);
      await once(plain, 'connect');
      await answered;
      await eventually(() => app.sockets.size === 4);
      await app.nest.close();
      await eventually(() => app.sockets.size === 0);
    });

    it('end with the answer that was on its way when it began', async () => {
      const app = await start();
      const controller = app.nest.get(SlowController);
      const begun = new Promise<void>((resolve) => (controller.begun = resolve));
      const socket = await say(app, answering);
      let answer = '';
      socket.on('data', (data: Buffer) => (answer += data.toString()));
      await begun;
      const closed = app.nest.close();
      await eventually(() => !app.nest.get(PushLifecycle).ready);
      controller.end();
      // Fastify would keep it for 72 seconds.
      await closed;
      await eventually(() => socket.destroyed);
      expect(answer).toContain('done');
    });
  },
);

describe('A shutdown with HTTP/2', () => {
  it('ends streams, sends GOAWAY and returns', async () => {
    @Module({ imports: [PushModule.forRoot(unlimited)] })
    class Root {}
    const app = await NestFactory.create(Root, new FastifyAdapter({ http2: true }), { logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as http2.Http2Server).address() as { port: number };
    const session = http2.connect(`http://127.0.0.1:${port}`);
    afterTest(() => session.destroy());
    const goneAway = new Promise((resolve) => session.once('goaway', resolve));
    const bodies = Array.from({ length: 10 }, () => {
      const stream = session.request({ ':path': events });
      let body = '';
      stream.setEncoding('utf8').on('data', (text: string) => (body += text));
      const ended = new Promise<string>((resolve) => stream.once('end', () => resolve(body)));
      return { ended, begun: new Promise((resolve) => stream.once('data', resolve)) };
    });
    await Promise.all(bodies.map(({ begun }) => begun));
    await app.close();
    await goneAway;
    for (const { ended } of bodies) expect(await ended).toMatch(/retry: \d+\n\n$/);
  });
});

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

@Controller()
class FailingController {
  constructor(private readonly bus: EventBus) {}

  @Sse('mapped')
  mapped() {
    return this.bus.stream('news.a').pipe(
      map((message) => {
        if (message.data === 'poison') throw new Error('details that nobody may see');
        return message;
      }),
    );
  }

  @Sse('retryable')
  retryable() {
    return this.bus
      .stream('news.a')
      .pipe(
        mergeMap((message) =>
          message.data === 'poison' ? throwError(() => new ForbiddenException('gone')) : of(message),
        ),
      );
  }
}

describe.each(platforms)('A stream that fails on %s', (platform) => {
  it('ends with push.error, is reported, harms no other, and is answered 204 when it comes back', async () => {
    const errors: string[] = [];
    const app = await startApp(platform, {
      imports: [
        PushModule.forRoot({
          ...open,
          onError: (error, { stage }) => errors.push(`${stage}: ${String(error)}`),
        }),
      ],
      controllers: [FailingController],
    });
    const healthy = await openStream(app.url(events));
    const stream = await openStream(app.url('/mapped'));
    await app.bus.publish('news.a', 'fine');
    await app.bus.publish('news.a', 'poison');
    await stream.untilEnd();
    expect(stream.data[0]).toBe('fine');
    const last = stream.events.at(-1)!;
    expect(last.type).toBe('push.error');
    expect(JSON.parse(last.data)).toEqual({
      code: 'INTERNAL',
      message: 'The server failed.',
      retryable: false,
    });
    expect(errors).toEqual(['stream: Error: details that nobody may see']);
    const back = await openSse(app.url('/mapped'), { headers: { 'last-event-id': last.id } });
    expect(back.status).toBe(204);
    await app.bus.publish('news.a', 'later');
    await healthy.untilEvents(3);
    expect(app.bus.stats().connections).toBe(1);
  });
});
