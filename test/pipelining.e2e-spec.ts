import { Controller, Injectable, Post, Sse, UseGuards, type CanActivate } from '@nestjs/common';
import {
  Authenticator,
  EventBus,
  OnPushConnect,
  PushModule,
  PushTopic,
  type Handshake,
  type PushOptions,
} from 'nestjs-push';
import { map } from 'rxjs';
import { openRaw, type RawSocket } from './support/raw-socket.js';
import { holdingsOf } from './support/holdings.js';
import { platforms, startApp, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

/*
 * Several requests on one HTTP/1.1 connection, sent without waiting for answers (RFC 9112, section 9.3.2). The first is a stream
 * that does not end, so the responses of the others never get a socket, and Node never says that they are closed. Once the
 * client is gone the application holds nothing for any of them, however far they had come.
 */

/** Holds who comes until the test lets it go on. */
class Gate {
  waiting = 0;
  private opened!: () => void;
  private readonly isOpen = new Promise<void>((resolve) => (this.opened = resolve));

  async pass(): Promise<true> {
    this.waiting++;
    await this.isOpen;
    return true;
  }

  open(): void {
    this.opened();
  }
}

/** Where a request is held: `?at=…` of its URL says it. */
const gates = new Map<string, Gate>();
const gateAt = (where: string): Gate => gates.get(where)!;
const passAt = async (url: string, where: string): Promise<true> =>
  url.includes(`at=${where}`) ? gateAt(where).pass() : true;

@Injectable()
class Everybody extends Authenticator {
  async authenticate({ query, address }: Handshake) {
    if (query.get('at') === 'authenticator') await gateAt('authenticator').pass();
    return { id: query.get('who') ?? address };
  }
}

@PushTopic('slow.:id')
class SlowPolicy {
  canSubscribe() {
    return gateAt('policy').pass();
  }

  canPublish() {
    return gateAt('policy').pass();
  }
}

@Injectable()
class SlowHook {
  @OnPushConnect()
  async connect({ principal }: { principal?: { id: string } }): Promise<void> {
    if (principal?.id === 'hook') await gateAt('hook').pass();
  }
}

@Injectable()
class SlowGuard implements CanActivate {
  canActivate(context: { switchToHttp(): { getRequest(): { url: string } } }) {
    return passAt(context.switchToHttp().getRequest().url, 'guard');
  }
}

@Controller()
@UseGuards(SlowGuard)
class RoutesController {
  constructor(private readonly bus: EventBus) {}

  @Sse('own')
  own() {
    return this.bus.stream('open.1');
  }

  @Sse('piped')
  piped() {
    return this.bus.stream('open.1').pipe(map((message) => message));
  }

  @Post('echo')
  echo() {
    return 'echo';
  }
}

async function start(platform: Platform, options: PushOptions = {}): Promise<RunningApp> {
  for (const where of ['authenticator', 'policy', 'hook', 'guard']) gates.set(where, new Gate());
  return startApp(platform, {
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: 'open.>', access: 'public' }],
        authenticate: Everybody,
        shutdownTimeout: 20_000,
        ...options,
      }),
    ],
    controllers: [RoutesController],
    providers: [SlowPolicy, SlowHook, SlowGuard],
  });
}

const get = (path: string, method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

function post(path: string, body: object): string {
  const text = JSON.stringify(body);
  const head = ['Host: x', 'Content-Type: application/json', `Content-Length: ${text.length}`].join('\r\n');
  return `POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${text}`;
}

const upgrade =
  'GET /push HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** A client whose first request is a stream, which has begun. */
async function openStream(app: RunningApp, path = '/push/events?topic=open.1'): Promise<RawSocket> {
  const raw = await openRaw(app.port, `GET ${path} HTTP/1.1`, 'Host: x');
  await raw.untilText('retry: ');
  return raw;
}

const held = (app: RunningApp) => holdingsOf(app.nest).connections ?? 0;
const subscribe = { subscribe: [{ topics: ['open.1'], ref: 'a' }] };

const queued: [what: string, request: string][] = [
  ['GET of events', get('/push/events?topic=open.1')],
  ['HEAD of events', get('/push/events?topic=open.1', 'HEAD')],
  ['POST of events', post('/push/events', subscribe)],
  ['a stream of the application’s own', get('/own')],
  ['HEAD of one of the application’s own', get('/own', 'HEAD')],
  ['a piped stream', get('/piped')],
];

describe.each(platforms)('requests that wait for the one before on their connection, on %s', (platform) => {
  it.each(queued)('%s: nothing is left of them when the client is gone', async (_, request) => {
    const app = await start(platform);
    const raw = await openStream(app);
    raw.send(request.repeat(20));
    await eventually(() => held(app) === 21);
    raw.reset();
    await eventually(() => Object.keys(holdingsOf(app.nest)).length === 0);
  });

  it.each<[where: string, request: string]>([
    ['authenticator', get('/push/events?topic=open.1&at=authenticator')],
    ['authenticator', post('/push/events?at=authenticator', subscribe)],
    ['authenticator', post('/push/publish?at=authenticator', { topic: 'slow.1', data: 1 })],
    ['policy', get('/push/events?topic=slow.1')],
    ['policy', post('/push/publish', { topic: 'slow.1', data: 1 })],
    ['hook', get('/push/events?topic=open.1&who=hook')],
    ['hook', post('/push/events?who=hook', subscribe)],
    ['guard', get('/own?at=guard')],
    ['guard', get('/piped?at=guard')],
  ])(
    'held by the %s (%#): nothing is left when the client goes, whenever it is decided',
    async (where, request) => {
      const app = await start(platform);
      const raw = await openStream(app);
      raw.send(request.repeat(5));
      await eventually(() => gateAt(where).waiting === 5);
      raw.reset();
      await eventually(() => app.sockets.size === 0 && (where === 'policy' || held(app) === 0));
      gateAt(where).open();
      await eventually(() => Object.keys(holdingsOf(app.nest)).length === 0);
    },
  );

  it('refused ones, and those of an upgrade after them, leave nothing either', async () => {
    const app = await start(platform);
    const raw = await openStream(app);
    raw.send(get('/push/events?topic=secret').repeat(5) + get('/nowhere'));
    raw.send(get('/push/events?topic=open.1').repeat(15));
    await eventually(() => held(app) === 16 && holdingsOf(app.nest).places === 16);
    raw.send(upgrade);
    raw.reset();
    await eventually(() => Object.keys(holdingsOf(app.nest)).length === 0);
  });

  it('do not hold a drain: they are told in their turn, and so end', async () => {
    const app = await start(platform);
    const raw = await openStream(app);
    raw.send(get('/push/events?topic=open.1').repeat(3) + post('/push/events', subscribe));
    await eventually(() => held(app) === 5);
    await app.nest.close();
    expect(raw.text.split('HTTP/1.1 200').length - 1).toBeGreaterThan(0);
    await raw.untilClosed();
  });

  it('are cut off with their connection when they take nothing for too long', async () => {
    const app = await start(platform, { heartbeat: 100, limits: { stallTimeout: 200 } });
    const raw = await openStream(app, '/push/events?topic=open.1');
    raw.send(get('/push/events?topic=open.2'));
    await eventually(() => held(app) === 2);
    for (let n = 0; n < 50; n++) await app.bus.publish('open.2', 'x'.repeat(10_000));
    await raw.untilClosed();
    await eventually(() => Object.keys(holdingsOf(app.nest)).length === 0);
  });
});
