import {
  Catch,
  Injectable,
  type ArgumentMetadata,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { HttpOnly, PushModule } from 'nestjs-push';
import { EMPTY, map } from 'rxjs';
import { takeWarnings } from './support/logged.js';
import { runsGlobalsForMessages } from './support/nest.js';
import { NewsProcess } from './support/news-process.js';
import { stream } from './support/rooms-app.js';
import { openSse } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

describe('global guards of the application', () => {
  /** As many are: it expects a request, whatever comes. */
  @Injectable()
  class HeaderGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, unknown> }>();
      return request.headers['x-blocked'] === undefined;
    }
  }

  @Injectable()
  class CarefulGuard extends HeaderGuard {
    override canActivate(context: ExecutionContext): boolean {
      return context.getType() !== 'http' || super.canActivate(context);
    }
  }

  @Injectable()
  class NoGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      return context.getType() === 'http';
    }
  }

  async function startWith(guard: new () => CanActivate) {
    const warnings = takeWarnings();
    const app = await startApp('express', {
      imports: [
        PushModule.forRoot({ topics: [{ pattern: 'public.>', access: 'public' }], onError: () => undefined }),
      ],
      providers: [{ provide: APP_GUARD, useClass: guard }],
    });
    const client = await openWs(app.webSocketUrl());
    const answer = await client.subscribe('public.x');
    const blocked = await openSse(app.url(stream), { headers: { 'X-Blocked': '1' } });
    return { warnings: warnings.join(), answer, blocked: blocked.status };
  }

  const reach = runsGlobalsForMessages ? 'run for messages' : 'run for HTTP only';

  it(`that expect HTTP, and ${reach}, are named at start where they would fail; their failure leaks nothing`, async () => {
    const { warnings, answer, blocked } = await startWith(HeaderGuard);
    if (runsGlobalsForMessages) {
      expect(warnings).toMatch(/HeaderGuard: a global guard also runs.*HttpOnly\(HeaderGuard\)/);
      expect(answer).toMatchObject({ event: 'error', code: 'INTERNAL', message: 'The server failed.' });
    } else {
      expect(warnings).toBe('');
      expect(answer).toMatchObject({ event: 'subscribed' });
    }
    expect(blocked).toBe(403);
  });

  it('are left to HTTP by HttpOnly', async () => {
    const { warnings, answer, blocked } = await startWith(HttpOnly(HeaderGuard));
    expect(warnings).toBe('');
    expect(answer).toMatchObject({ event: 'subscribed' });
    expect(blocked).toBe(403);
  });

  it('that look where they are, are not', async () => {
    const { warnings, answer, blocked } = await startWith(CarefulGuard);
    expect(warnings).toBe('');
    expect(answer).toMatchObject({ event: 'subscribed' });
    expect(blocked).toBe(403);
  });

  it(`${reach}: a refusal says so`, async () => {
    const { answer } = await startWith(NoGuard);
    expect(answer).toMatchObject(
      runsGlobalsForMessages ? { event: 'error', code: 'FORBIDDEN' } : { event: 'subscribed' },
    );
  });
});

describe('global interceptors, pipes and filters of the application', () => {
  @Injectable()
  class HeaderInterceptor implements NestInterceptor {
    intercept(context: ExecutionContext, next: CallHandler) {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
      return request.headers['x-blocked'] === undefined ? next.handle() : EMPTY;
    }
  }

  const seen: string[] = [];

  @Injectable()
  class TracingInterceptor implements NestInterceptor {
    intercept(context: ExecutionContext, next: CallHandler) {
      seen.push(`${context.getType()} ${context.getHandler().name}`);
      return next.handle().pipe(map((data: unknown) => ({ envelope: data })));
    }
  }

  @Injectable()
  class TracingPipe implements PipeTransform {
    transform(value: unknown, { type, metatype }: ArgumentMetadata) {
      seen.push(`${type} ${metatype?.name}`);
      return value;
    }
  }

  /** As many are: it answers over HTTP, whatever failed. */
  @Catch()
  class HttpFilter implements ExceptionFilter {
    catch(_exception: unknown, host: ArgumentsHost) {
      seen.push(host.getType());
      const response = host
        .switchToHttp()
        .getResponse<{ status(code: number): { json(body: unknown): void } }>();
      response.status(418).json({});
    }
  }

  async function startWith(...providers: Provider[]) {
    seen.length = 0;
    const warnings = takeWarnings();
    const topics = [{ pattern: 'public.>', access: 'public' }] as const;
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics, onError: () => undefined })],
      providers,
    });
    return { app, client: await openWs(app.webSocketUrl()), warnings: warnings.join() };
  }

  it('interceptors that want a request are named at start, and left to HTTP by HttpOnly', async () => {
    const broken = await startWith({ provide: APP_INTERCEPTOR, useClass: HeaderInterceptor });
    if (runsGlobalsForMessages) {
      expect(broken.warnings).toMatch(
        /HeaderInterceptor: a global interceptor also.*HttpOnly\(HeaderInterceptor\)/,
      );
      expect(await broken.client.subscribe('public.x')).toMatchObject({ code: 'INTERNAL' });
    } else {
      expect(broken.warnings).toBe('');
      expect(await broken.client.subscribe('public.x')).toMatchObject({ event: 'subscribed' });
    }
    const whole = await startWith({ provide: APP_INTERCEPTOR, useClass: HttpOnly(HeaderInterceptor) });
    expect(whole.warnings).toBe('');
    expect(await whole.client.subscribe('public.x')).toMatchObject({ event: 'subscribed' });
  });

  it('interceptors see each message that Nest gives them, pipes none, and what they make of the result breaks nothing', async () => {
    const { app, client, warnings } = await startWith(
      { provide: APP_INTERCEPTOR, useClass: TracingInterceptor },
      { provide: APP_PIPE, useClass: TracingPipe },
    );
    expect(warnings).toBe('');
    expect(await client.subscribe('public.x')).toMatchObject({ event: 'subscribed' });
    expect(seen.includes('ws subscribe')).toBe(runsGlobalsForMessages);
    expect(seen.filter((entry) => entry.startsWith('body'))).toEqual([]);
    await app.bus.publish('public.x', 1);
    expect(await client.untilData(1)).toEqual([1]);
  });

  it('filters are for the routes of the application: push answers its own errors', async () => {
    const { app, client } = await startWith({ provide: APP_FILTER, useClass: HttpFilter });
    expect(await client.subscribe('secret')).toMatchObject({ event: 'error', code: 'FORBIDDEN' });
    client.send({ event: 'subscribe', data: { topics: 7 } });
    expect(await client.next('error', 1)).toMatchObject({ code: 'INVALID_MESSAGE' });
    expect((await openSse(app.url('/push/events?topic=secret'))).status).toBe(403);
    expect(seen).toEqual([]);
  });
});

it('the throttler of @nestjs/throttler counts requests, and leaves messages to the limits of push', async () => {
  const server = await NewsProcess.start({ requestsPerMinute: 2 });
  const client = await openWs(`ws://127.0.0.1:${server.port}/push`);
  for (let n = 0; n < 5; n++)
    expect(await client.subscribe(`news.${n}`)).toMatchObject({ event: 'subscribed' });
  const statuses = [];
  for (let n = 0; n < 3; n++) {
    const reader = await openSse(`http://127.0.0.1:${server.port}/push/events?topic=news.x`);
    statuses.push(reader.status);
  }
  expect(statuses).toEqual([200, 200, 429]);
  expect(server.child.output).not.toContain('Throttler');
});
