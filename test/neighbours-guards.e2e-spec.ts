import {
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  Logger,
  SetMetadata,
  Sse,
  UnauthorizedException,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, Reflector } from '@nestjs/core';
import {
  Authenticator,
  EventBus,
  ExceptPush,
  HttpOnly,
  PushModule,
  PushTickets,
  PushTopic,
  type Handshake,
  type PushModuleExtras,
  type TopicPolicy,
} from 'nestjs-push';
import { defaultIfEmpty, delay, map, timeout, type Observable } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { KeepingLogger } from './support/logged.js';
import { postJson } from './support/post-json.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

/** Knows clients by a cookie. */
@Injectable()
class CookieAuthenticator extends Authenticator {
  authenticate({ cookies, token }: Handshake) {
    const id = cookies['session'] ?? token;
    return id ? { id } : undefined;
  }
}

@Injectable()
@PushTopic('notes.>')
class NotesPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

const Public = () => SetMetadata('isPublic', true);

/** As in many applications: it knows a header, and routes that are public. */
@Injectable()
class BearerGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride('isPublic', [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
    if (!request.headers['authorization']?.startsWith('Bearer '))
      throw new UnauthorizedException('No bearer.');
    return true;
  }
}

class Teapot extends Error {}

/** Throws what only the application's own filter knows. */
@Injectable()
class TeapotGuard implements CanActivate {
  canActivate(): boolean {
    throw new Teapot('short and stout');
  }
}

interface Response {
  status(code: number): { send(body: object): void };
}

/** Gives every error a form of its own. */
@Catch()
class EnvelopeFilter implements ExceptionFilter {
  catch(exception: Error, host: ArgumentsHost): void {
    const status = exception instanceof Teapot ? 418 : 500;
    host.switchToHttp().getResponse<Response>().status(status).send({ problem: exception.message });
  }
}

@Controller()
class OwnController {
  constructor(@Inject(EventBus) private readonly bus: EventBus) {}

  @Get('own')
  own() {
    return 'own';
  }

  @Sse('own/events')
  events() {
    return this.bus.stream('notes.a');
  }

  @Get('broken')
  broken() {
    throw new ForbiddenException('not you');
  }
}

async function start(platform: Platform, providers: Provider[], extras: PushModuleExtras = {}) {
  const logger = KeepingLogger.install();
  afterTest(() => Logger.overrideLogger(false));
  const app = await startApp(
    platform,
    {
      imports: [PushModule.forRoot({ authenticate: CookieAuthenticator, heartbeat: 100, ...extras })],
      controllers: [OwnController],
      providers: [NotesPolicy, ...providers],
    },
    () => Logger.overrideLogger(logger),
  );
  return { app, logged: () => logger.lines.join('\n') };
}

const cookie = { headers: { cookie: 'session=ann' } };
const url = '/push/events?topic=notes.a';

describe.each(platforms)('global guards on %s', (platform) => {
  it('run for the HTTP endpoints too, and one that authenticates is named at start', async () => {
    const { app, logged } = await start(platform, [{ provide: APP_GUARD, useClass: HttpOnly(BearerGuard) }]);
    expect((await openSse(app.url(url), cookie)).status).toBe(401);
    const header = { headers: { authorization: 'Bearer ann' } };
    expect((await openSse(app.url(url), header)).status).toBe(200);
    expect(logged()).toMatch(/BearerGuard.*push's HTTP endpoints.*ExceptPush\(/);
  });

  it.each<[string, Provider, PushModuleExtras]>([
    ['ExceptPush', { provide: APP_GUARD, useClass: ExceptPush(BearerGuard) }, {}],
    [
      "the application's own decorator",
      { provide: APP_GUARD, useClass: HttpOnly(BearerGuard) },
      { decorators: [Public()] },
    ],
  ])('leave push to its authenticator by %s, and guard the rest', async (_, guard, extras) => {
    const { app, logged } = await start(platform, [guard], extras);
    const ticket = await app.nest.get(PushTickets).issue({ id: 'ann' });
    const streams = [
      await openStream(app.url(url), cookie),
      await openStream(app.url(`${url}&ticket=${ticket}`)),
      await openStream(app.url('/push/events'), {
        method: 'POST',
        headers: { ...cookie.headers, 'content-type': 'application/json' },
        body: '{"subscribe":[{"topics":["notes.a"],"ref":"r"}]}',
      }),
    ];
    await streams[2]!.until(() => streams[2]!.body.includes('"live"'));
    const client = await openWs(app.webSocketUrl(), cookie);
    expect(await client.subscribe('notes.a')).toMatchObject({ event: 'subscribed' });
    const posted = await postJson(app.url('/push/publish'), { topic: 'notes.a', data: 'x' }, cookie.headers);
    expect(posted.status).toBe(200);
    for (const stream of streams) await stream.until(() => stream.body.includes('"data":"x"'));
    expect(await client.untilData(1)).toEqual(['x']);
    expect((await openSse(app.url(url))).status).toBe(401);
    expect((await openSse(app.url('/own/events'), cookie)).status).toBe(401);
    expect((await fetch(app.url('/own'))).status).toBe(401);
    expect(logged()).not.toMatch(/HttpOnly\(BearerGuard\) in its place|looks as if it/);
  });

  it('are answered by the filter of the application, and push answers for itself', async () => {
    const filter = { provide: APP_FILTER, useClass: EnvelopeFilter };
    const guarded = await start(platform, [filter, { provide: APP_GUARD, useClass: HttpOnly(TeapotGuard) }]);
    const teapot = await postJson(guarded.app.url('/push/publish'), {}, cookie.headers);
    expect(teapot).toMatchObject({ status: 418, body: { problem: 'short and stout' } });
    const { app } = await start(platform, [filter]);
    const refusals: [string, string, object, number, string][] = [
      ['/push/events', 'GET', cookie.headers, 400, 'INVALID_MESSAGE'],
      [url, 'GET', {}, 401, 'UNAUTHENTICATED'],
      ['/push/events?topic=other', 'GET', cookie.headers, 403, 'FORBIDDEN'],
      ['/push/events', 'POST', cookie.headers, 400, 'INVALID_MESSAGE'],
      ['/push/publish', 'POST', cookie.headers, 400, 'INVALID_MESSAGE'],
    ];
    for (const [path, method, headers, status, code] of refusals) {
      const answer = await fetch(app.url(path), { method, headers: { ...headers } });
      const type = answer.headers.get('content-type');
      expect([path, answer.status, type, await answer.json()]).toEqual([
        path,
        status,
        'application/json; charset=utf-8',
        expect.objectContaining({ statusCode: status, code, message: expect.any(String) as string }),
      ]);
    }
    expect((await fetch(app.url('/broken'))).status).toBe(500);
  });
});

/** Ends what has not answered in time, as many applications do. */
@Injectable()
class TimeoutInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: { handle(): Observable<unknown> }) {
    return next.handle().pipe(timeout(1_000));
  }
}

/** Answers for handlers that return nothing, and late. */
@Injectable()
class DefaultInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: { handle(): Observable<unknown> }) {
    return next.handle().pipe(defaultIfEmpty({ data: { ok: false } }), delay(20));
  }
}

@Injectable()
class EnvelopeInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: { handle(): Observable<unknown> }) {
    return next.handle().pipe(map((data) => ({ ok: true, data })));
  }
}

describe.each(platforms)('global interceptors on %s', (platform) => {
  it.each<[string, Provider]>([
    ['a time limit', { provide: APP_INTERCEPTOR, useClass: TimeoutInterceptor }],
    ['an answer by default', { provide: APP_INTERCEPTOR, useClass: DefaultInterceptor }],
    ['an envelope', { provide: APP_INTERCEPTOR, useClass: EnvelopeInterceptor }],
  ])('change nothing of the streams: %s', async (_, interceptor) => {
    const { app } = await start(platform, [interceptor]);
    const plain = await openStream(app.url(url), cookie);
    const messages = await openStream(app.url('/push/events'), {
      method: 'POST',
      headers: { ...cookie.headers, 'content-type': 'application/json' },
      body: '{"subscribe":[{"topics":["notes.a"],"ref":"r"}]}',
    });
    await messages.until(() => messages.body.includes('"live"'));
    const heartbeats = (body: string) => body.split('\n:').length + body.split('"heartbeat"').length;
    for (const stream of [plain, messages]) {
      const before = heartbeats(stream.body);
      await stream.until(() => heartbeats(stream.body) >= before + 15 || stream.isEnded);
      expect(stream.isEnded).toBe(false);
    }
    await app.bus.publish('notes.a', 'x');
    await plain.until(() => plain.data.length === 1);
    expect(plain.data).toEqual(['{"topic":"notes.a","data":"x"}']);
    await messages.until(() => messages.body.includes('"data":"x"'));
    expect(messages.body).not.toContain('"ok"');
    const bad = await openSse(app.url('/push/events?topic=a..b'), cookie);
    expect(JSON.parse(await bad.untilEnd())).toMatchObject({ statusCode: 400, code: 'INVALID_TOPIC' });
  });
});
