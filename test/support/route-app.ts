import {
  Controller,
  ForbiddenException,
  Inject,
  Sse,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { EventBus, PushModule, topic, type PushOptions } from 'nestjs-push';
import type { PushClient, PushEvent, StatusChange } from 'nestjs-push-client';
import { routeOf, type Route, type RouteOptions } from 'nestjs-push-client/route';
import { NEVER } from 'rxjs';
import { openClient } from './client-app.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';
import { Watched } from './watched.js';

/** The tokens that were seen, and until when each is good, in milliseconds since 1970. */
export const tokens = { seen: [] as string[], good: new Map<string, number>() };

/** As a guard for JWTs: without a token it lets everybody in. */
class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context
      .switchToHttp()
      .getRequest<{ user?: object; headers: { authorization?: string } }>();
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (token === undefined) return true;
    tokens.seen.push(token);
    const until = tokens.good.get(token);
    if (until === undefined || until < Date.now()) throw new UnauthorizedException();
    request.user = { sub: 'ann', exp: until / 1_000 };
    return true;
  }
}

/** After the guard for JWTs: who has no token is not let in. */
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.switchToHttp().getRequest<{ user?: object }>().user) return true;
    throw new UnauthorizedException();
  }
}

class NobodyGuard implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException('Not yours.');
  }
}

/** Routes as applications write them. */
@Controller('orders/42')
class OrdersController {
  constructor(@Inject(EventBus) private readonly bus: EventBus) {}

  @Sse('events')
  @UseGuards(TokenGuard)
  events() {
    return this.bus.stream(topic`orders.${42}`);
  }

  @Sse('mine')
  @UseGuards(TokenGuard, UserGuard)
  mine() {
    return this.bus.stream('orders.42');
  }

  @Sse('all')
  all() {
    return this.bus.stream('orders.>', { envelope: true, wildcards: true, from: 'earliest' });
  }

  @Sse('answer')
  answer() {
    return this.bus.stream('runs.42', { from: 'start' });
  }

  @Sse('foreign')
  foreign() {
    return NEVER;
  }

  @Sse('secret')
  @UseGuards(NobodyGuard)
  secret() {
    return this.bus.stream('orders.42');
  }
}

/** An application with such routes. */
export function startRoutes(platform: Platform, options: PushOptions = {}): Promise<RunningApp> {
  // The log that nodes share in these tests keeps no ends.
  const topics = [
    { pattern: 'runs.*', access: 'public' as const, finite: !options.backplane },
    { pattern: '>', access: 'public' as const },
  ];
  return startApp(platform, {
    imports: [PushModule.forRoot({ topics, heartbeat: 1_500, retry: 20, ...options })],
    controllers: [OrdersController],
  });
}

/** A client that connects for its routes alone. */
export function clientFor(url: string, options: Parameters<typeof openClient>[1] = {}): PushClient {
  return openClient(new URL('/push', url).href, { lazy: true, onError: () => undefined, ...options });
}

/** What comes by a route. */
export class RouteRecord extends Watched {
  readonly handled: unknown[] = [];
  readonly events: PushEvent[] = [];
  readonly changes: StatusChange[] = [];
  readonly notices: string[] = [];
  readonly route: Route;
  readonly live: Promise<void>;

  constructor(push: PushClient, path = '/orders/42/events', options: RouteOptions = {}) {
    super();
    this.route = routeOf(push, path, { heartbeat: 1_500, ...options });
    this.route.onStatus((change) => this.note(() => this.changes.push(change)));
    this.route.onGap(({ reason }) => this.note(() => this.notices.push(`gap ${reason}`)));
    this.route.onEnded(({ topic, reason }) => this.note(() => this.notices.push(`${topic} ${reason}`)));
    this.live = this.route.on((data, event) =>
      this.note(() => {
        this.handled.push(data);
        this.events.push(event);
      }),
    ).live;
  }

  /** Resolves once it has handled so many. */
  untilHandled(count: number): Promise<void> {
    return this.until(() => this.handled.length >= count);
  }

  /** Resolves once it has been `status` so often. */
  untilStatus(status: string, count = 1): Promise<void> {
    return this.until(() => this.changes.filter((change) => change.status === status).length >= count);
  }

  private note(run: () => unknown): void {
    run();
    this.changed();
  }
}
