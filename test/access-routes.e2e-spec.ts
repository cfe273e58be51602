import {
  Controller,
  Inject,
  Logger,
  Sse,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type LoggerService,
} from '@nestjs/common';
import {
  Authenticator,
  EventBus,
  PushAccess,
  PushModule,
  topic,
  type Handshake,
  type Principal,
  type PushOptions,
} from 'nestjs-push';
import { interval, map } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { openSse, openStream } from './support/sse-reader.js';
import { createApp, platformsWithHttp2, startApp, type Platform } from './support/start-app.js';

/** As a guard for JWTs leaves them, or one that has looked the user up: what stands in the header. */
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ user?: unknown; headers: Record<string, string> }>();
    const user = request.headers['x-user'];
    if (user !== undefined) request.user = JSON.parse(user);
    return true;
  }
}

/** Holds handlers back while a test wants it, and says that one waits. */
let gate: { entered(): void; opens: Promise<void> } | undefined;

@Controller('own')
@UseGuards(UserGuard)
class OwnController {
  constructor(@Inject(EventBus) private readonly events: EventBus) {}

  @Sse('direct')
  direct() {
    return this.events.stream(topic`orders.${42}`);
  }

  @Sse('piped')
  piped() {
    return this.events.stream(topic`orders.${42}`).pipe(map((message) => message));
  }

  @Sse('foreign')
  foreign() {
    return interval(20).pipe(map((n) => ({ data: { n } })));
  }

  @Sse('slow')
  async slow() {
    gate?.entered();
    await gate?.opens;
    return this.events.stream(topic`orders.${42}`);
  }
}

/** Knows whom the token names; refuses one token, and cannot decide about another. */
class TokenAuthenticator extends Authenticator {
  authenticate({ token }: Handshake): Principal | undefined | Promise<Principal> {
    if (token === 'bad') throw new UnauthorizedException('The token is not valid.');
    if (token === 'broken') throw new TypeError('db-password=hunter2');
    if (token === 'slow') return new Promise(() => undefined);
    return token === undefined ? undefined : { id: token };
  }
}

async function start(platform: Platform, options: PushOptions = {}) {
  const app = await startApp(platform, {
    imports: [PushModule.forRoot({ onError: () => undefined, ...options })],
    controllers: [OwnController],
  });
  return { app, access: app.nest.get(PushAccess) };
}

const user = (value: object) => ({ headers: { 'x-user': JSON.stringify(value) } });
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const inSeconds = (milliseconds: number) => (Date.now() + milliseconds) / 1_000;

describe.each(platformsWithHttp2)('a route of the application with its own guard, with %s', (platform) => {
  describe.each(['direct', 'piped', 'foreign'])('%s', (route) => {
    const open = (app: { url(path: string): string }, ask: object) =>
      route === 'foreign'
        ? openSse(app.url(`/own/${route}`), ask)
        : openStream(app.url(`/own/${route}`), ask);

    it('ends when the token of its request expires', async () => {
      const { app } = await start(platform);
      const reader = await open(app, user({ sub: 'ann', exp: inSeconds(3_000) }));
      await reader.untilEnd();
      expect(reader.events.at(-1)).toMatchObject({
        type: 'push.expired',
        data: expect.stringContaining('"UNAUTHENTICATED"') as string,
      });
    });

    it.each([
      [{ id: 'ann' }, 'ann'],
      [{ sub: 'ann' }, 'ann'],
      [{ id: 7, sub: 'ann' }, '7'],
    ])('ends when its user is sent away: %j', async (value, id) => {
      const { app, access } = await start(platform);
      const [reader, other] = [await open(app, user(value)), await open(app, user({ id: 'bob' }))];
      await reader.until(() => route !== 'foreign' || reader.events.length > 0);
      await access.disconnectUser(id);
      await reader.untilEnd();
      expect(reader.events.at(-1)!.type).toBe('push.expired');
      expect(other.isEnded).toBe(false);
    });

    it('ends when the topic is taken from its user', async () => {
      const { app, access } = await start(platform);
      const reader = await open(app, user({ id: 'ann' }));
      await reader.until(() => route !== 'foreign' || reader.events.length > 0);
      await access.revoke('ann', 'orders.*');
      await reader.untilEnd();
      expect(reader.events.at(-1)!.type).toBe('push.error');
    });
  });

  it('does not begin for a user who was sent away while its handler ran', async () => {
    const { app, access } = await start(platform);
    let open!: () => void;
    const opens = new Promise<void>((resolve) => (open = resolve));
    const entered = new Promise<void>((resolve) => (gate = { entered: resolve, opens }));
    const answer = openSse(app.url('/own/slow'), user({ id: 'ann' }));
    await entered;
    await access.disconnectUser('ann');
    gate = undefined;
    open();
    expect((await answer).status).toBe(401);
    expect(app.bus.stats().connections).toBe(0);
  });

  it.each([
    { sub: 'ann', exp: inSeconds(-1_000) },
    { sub: 'ann', exp: 5 },
    { id: 'ann', exp: 0 },
  ])('does not begin for a user who has expired: %j', async (value) => {
    const { app } = await start(platform);
    expect((await openSse(app.url('/own/direct'), user(value))).status).toBe(401);
  });

  it('answers 500 for an exp that is no time, rather than take it for none', async () => {
    const { app } = await start(platform);
    expect((await openSse(app.url('/own/direct'), user({ sub: 'ann', exp: 'soon' }))).status).toBe(500);
  });

  it("is nobody's where nothing says whose it is, and where the application says so", async () => {
    const { app, access } = await start(platform);
    const nobody = await openStream(app.url('/own/direct'));
    const { app: other, access: otherAccess } = await start(platform, {
      sse: { principal: () => undefined },
    });
    const ignored = await openStream(other.url('/own/direct'), user({ id: 'ann', exp: inSeconds(100) }));
    await access.disconnectUser('ann');
    await otherAccess.disconnectUser('ann');
    await app.bus.publish('orders.42', 1);
    await other.bus.publish('orders.42', 1);
    await Promise.all([nobody.untilEvents(1), ignored.untilEvents(1)]);
  });

  describe('and an authenticator', () => {
    const options: PushOptions = { authenticate: TokenAuthenticator, limits: { decisionTimeout: 100 } };

    it.each(['direct', 'piped'])(
      'belongs to whom that finds, if the guard has left nobody: %s',
      async (route) => {
        const { app, access } = await start(platform, options);
        const reader = await openStream(app.url(`/own/${route}`), bearer('ann'));
        const guarded = await openStream(app.url(`/own/${route}`), {
          headers: { ...user({ id: 'bob' }).headers, ...bearer('ann').headers },
        });
        await access.disconnectUser('ann');
        await reader.untilEnd();
        expect(reader.events.at(-1)!.type).toBe('push.expired');
        expect(guarded.isEnded).toBe(false);
        await access.disconnectUser('bob');
        await guarded.untilEnd();
      },
    );

    it('is open to whom that does not know: its guards have let the client in', async () => {
      const { app } = await start(platform, options);
      const readers = [
        await openStream(app.url('/own/direct')),
        await openStream(app.url('/own/direct'), bearer('bad')),
      ];
      await app.bus.publish('orders.42', 1);
      await Promise.all(readers.map((reader) => reader.untilEvents(1)));
    });

    it('does not begin where that cannot be decided', async () => {
      const { app } = await start(platform, options);
      for (const [token, status] of [
        ['slow', 503],
        ['broken', 500],
      ] as const) {
        const headers = { ...bearer(token).headers, 'push-refusals': 'status' };
        const reader = await openSse(app.url('/own/direct'), { headers });
        expect([token, reader.status]).toEqual([token, status]);
        expect(await reader.untilEnd()).not.toContain('hunter2');
      }
      expect(app.bus.stats().connections).toBe(0);
    });
  });
});

describe('at start', () => {
  async function linesOf(options: PushOptions, controllers = [OwnController]): Promise<string[]> {
    const lines: string[] = [];
    const note = (line: unknown) => void lines.push(String(line));
    const logger: LoggerService = { log: note, warn: note, error: note };
    const app = await createApp('express', { imports: [PushModule.forRoot(options)], controllers });
    afterTest(() => app.close());
    Logger.overrideLogger(logger);
    afterTest(() => Logger.overrideLogger(false));
    await app.init();
    return lines.filter((line) => line.includes('@Sse()'));
  }

  it.each<[PushOptions, RegExp]>([
    [{}, /request\.user, by its id or sub: .* sse: \{ principal/],
    [
      { authenticate: TokenAuthenticator },
      /request\.user, by its id or sub, else to whom TokenAuthenticator finds/,
    ],
    [{ sse: { principal: () => undefined } }, /sse\.principal returns/],
  ])('it is said whose the streams of such routes are: %#', async (options, line) => {
    expect(await linesOf(options)).toEqual([expect.stringMatching(line)]);
  });

  it('nothing is said where there are no such routes', async () => {
    expect(await linesOf({}, [])).toEqual([]);
  });
});
