import {
  Controller,
  Injectable,
  ServiceUnavailableException,
  Sse,
  UseGuards,
  type CanActivate,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import {
  anonymous,
  Authenticator,
  EventBus,
  OnPushConnect,
  PushError,
  PushLifecycle,
  PushModule,
  type PushOptions,
} from 'nestjs-push';
import { EventSource } from 'eventsource';
import type { ModuleMetadata } from '@nestjs/common';
import type { OutgoingHttpHeaders } from 'node:http';
import { map } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { DeclaredController, OrdersController } from './support/orders.js';
import { openSse, openStream, type SseReader } from './support/sse-reader.js';
import { platformsWithHttp2, startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

const topics = [{ pattern: 'orders.>', access: 'public' as const }];
const native = { accept: 'text/event-stream' };
const door = '/push/events?topic=orders.1';
const routes = [
  door,
  '/orders/1/events',
  '/orders/1/watched',
  '/orders/1/piped',
  '/orders/1/intercepted',
  '/orders/1/accepted',
  '/orders/plain/nest',
  '/declared/1/events',
  '/declared/1/intercepted',
];

@Injectable()
class ClosedGuard implements CanActivate {
  canActivate(): boolean {
    throw new ServiceUnavailableException('closed by a guard');
  }
}

/** What an application may say itself. */
@Controller('own')
class OwnController {
  constructor(private readonly bus: EventBus) {}

  @Sse('guarded')
  @UseGuards(ClosedGuard)
  guarded() {
    return this.bus.stream('orders.1');
  }

  @Sse('busy')
  async busy() {
    await Promise.resolve();
    throw new PushError('UNAVAILABLE', 'The database is away.');
  }
}

const identity: NestInterceptor = { intercept: (_, next) => next.handle().pipe(map((message) => message)) };

describe.each(platformsWithHttp2)('A refusal for the moment on %s', (platform) => {
  function start(
    options: PushOptions = {},
    configure?: (app: INestApplication) => unknown,
    providers: ModuleMetadata['providers'] = [],
  ): Promise<RunningApp> {
    const metadata = {
      imports: [PushModule.forRoot({ topics, ...options })],
      controllers: [OrdersController, DeclaredController, OwnController],
      providers,
    };
    return startApp(platform, metadata, configure);
  }

  const ask = (app: RunningApp, path: string, headers: OutgoingHttpHeaders = native) =>
    openSse(app.url(path), { headers });

  it('is a stream without an id that says when to come back, on every route, while the node shuts down', async () => {
    const app = await start({ retry: 400 });
    await app.nest.get(PushLifecycle).drain();
    const retries = new Set<string>();
    for (const path of routes) {
      const reader = await ask(app, path, { ...native, 'last-event-id': 'x-1' });
      await reader.untilEnd();
      expectRefusal(reader, 'CLOSED');
      const [, retry] = /^retry: (\d+)$/m.exec(reader.body)!;
      expect(Number(retry)).toBeGreaterThanOrEqual(200);
      expect(Number(retry)).toBeLessThanOrEqual(600);
      retries.add(retry!);
    }
    expect(retries.size).toBeGreaterThan(1);
  });

  it('is a status for everybody else: POST, HEAD, other clients, and who asks for it', async () => {
    const app = await start();
    await app.nest.get(PushLifecycle).drain();
    for (const path of routes) {
      for (const headers of [{}, { ...native, 'push-refusals': 'status' }]) {
        const reader = await ask(app, path, headers);
        const body = JSON.parse(await reader.untilEnd()) as object;
        expect([path, reader.status]).toEqual([path, 503]);
        expect(body).toMatchObject({ statusCode: 503, code: 'CLOSED' });
        expect(Number(reader.response.headers['retry-after'])).toBeGreaterThan(0);
        expect(reader.response.headers['cache-control']).toBe('no-store');
      }
      expect((await openSse(app.url(path), { method: 'HEAD', headers: native })).status).toBe(503);
    }
    const headers = { ...native, 'content-type': 'application/json' };
    const post = { method: 'POST', headers };
    const stream = await openSse(app.url('/push/events'), { ...post, body: '{"subscribe":[]}' });
    const publish = await openSse(app.url('/push/publish'), {
      ...post,
      body: '{"topic":"orders.1","data":1}',
    });
    const own = await openSse(app.url('/orders/search'), { ...post, body: '{"ids":["1"]}' });
    for (const { status, response } of [stream, publish, own]) {
      expect(status).toBe(503);
      expect(response.headers['cache-control']).toBe('no-store');
    }
  });

  it('is a stream when the node, or what one address may have of it, is full, and until there is room', async () => {
    for (const limits of [{ connections: 1 }, { connectionsPerAddress: 1 }]) {
      const app = await start({ limits, retry: 100 });
      const first = await openStream(app.url(door));
      for (const path of [door, '/orders/1/piped', '/orders/1/intercepted']) {
        const reader = await ask(app, path);
        await reader.untilEnd();
        expectRefusal(reader, 'connections' in limits ? 'UNAVAILABLE' : 'LIMIT_EXCEEDED');
      }
      const source = new EventSource(app.url(door));
      afterTest(() => source.close());
      const told: unknown[] = [];
      source.addEventListener('push.error', ({ data }) => told.push(data));
      await eventually(() => told.length > 1);
      first.drop();
      const received: unknown[] = [];
      source.addEventListener('message', ({ data }) => received.push(data));
      await eventually(async () => (await app.bus.publish('orders.1', 'x')) !== '' && received.length > 0);
    }
  });

  it('is a stream when too many are being decided about, or one decision takes too long', async () => {
    class Slow extends Authenticator {
      authenticate() {
        return new Promise<typeof anonymous>(() => undefined);
      }
    }
    const limits = { pendingHandshakes: 1, decisionTimeout: 300 };
    // An interceptor makes Nest send the headers before the handler has decided anything.
    for (const configure of [undefined, (nest: INestApplication) => nest.useGlobalInterceptors(identity)]) {
      const app = await start({ authenticate: Slow, limits }, configure);
      const [first, second] = [ask(app, door), ask(app, door)];
      for (const reader of await Promise.all([first, second])) {
        await reader.untilEnd();
        expectRefusal(reader, 'UNAVAILABLE');
      }
    }
  });

  it('is a stream when a hook says so, in its own words, and a handler with an error of ours', async () => {
    @Injectable()
    class Maintenance {
      @OnPushConnect()
      connect(): never {
        throw new ServiceUnavailableException('maintenance');
      }
    }
    const app = await start({}, undefined, [Maintenance]);
    for (const path of [door, '/orders/1/piped', '/orders/1/intercepted']) {
      const reader = await ask(app, path);
      expect(await reader.untilEnd()).toContain('maintenance');
      expectRefusal(reader, 'UNAVAILABLE');
      const other = await ask(app, path, {});
      expect([other.status, await other.untilEnd()]).toEqual([503, expect.stringContaining('maintenance')]);
    }
    const busy = await ask(app, '/own/busy');
    expect(await busy.untilEnd()).toContain('The database is away.');
    expectRefusal(busy, 'UNAVAILABLE');
  });

  it('leaves what is final, and what a guard of the application says, as they are', async () => {
    class Strict extends Authenticator {
      async authenticate() {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return undefined;
      }
    }
    for (const configure of [undefined, (nest: INestApplication) => nest.useGlobalInterceptors(identity)]) {
      const app = await start({ authenticate: Strict }, configure);
      const refused = await ask(app, door);
      expect([refused.status, refused.response.headers['cache-control']]).toEqual([401, 'no-store']);
      expect(JSON.parse(await refused.untilEnd())).toMatchObject({ code: 'UNAUTHENTICATED' });
      expect((await ask(app, '/own/guarded')).status).toBe(503);
      expect((await ask(app, '/orders/topic/from-query?topic=a..b')).status).toBe(400);
      // With an interceptor too: its handler takes its time.
      expect((await ask(app, '/orders/404/async')).status).toBe(404);
      expect((await ask(app, '/nowhere')).status).toBe(404);
    }
    const open = await start();
    const forbidden = await ask(open, '/push/events?topic=secret');
    expect([forbidden.status, forbidden.response.headers['cache-control']]).toEqual([403, 'no-store']);
    const over = await ask(open, door, { ...native, 'last-event-id': 'push.end' });
    expect([over.status, over.response.headers['cache-control']]).toEqual([204, 'no-store']);
  });

  it('leaves nothing behind', async () => {
    const app = await start({ limits: { connections: 2 } });
    const [first] = await Promise.all([openStream(app.url(door)), openStream(app.url(door))]);
    for (let count = 0; count < 20; count++) await (await ask(app, door)).untilEnd();
    first.drop();
    await eventually(() => app.bus.stats().connections === 1);
    await openStream(app.url(door));
  });

  it('has the CORS headers that the stream would have', async () => {
    const app = await start({}, (nest) =>
      nest.enableCors({ origin: 'https://a.example', credentials: true }),
    );
    await app.nest.get(PushLifecycle).drain();
    const reader = await ask(app, door, { ...native, origin: 'https://a.example' });
    await reader.untilEnd();
    expect(reader.response.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-allow-credentials': 'true',
    });
    expectRefusal(reader, 'CLOSED');
  });
});

function expectRefusal(reader: SseReader, code: string): void {
  expect(reader.status).toBe(200);
  expect(reader.response.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': expect.stringMatching(/no-store/) as string,
  });
  expect(reader.response.complete).toBe(true);
  expect(reader.body).toMatch(/^retry: \d+$/m);
  expect(reader.body).not.toMatch(/^id:/m);
  expect(reader.events).toMatchObject([{ type: 'push.error' }]);
  expect(JSON.parse(reader.data[0]!)).toMatchObject({ code, retryable: true });
}
