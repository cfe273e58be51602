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
  PushModule,
  PushTopic,
  topic,
  type AuthenticationResult,
  type Handshake,
  type Principal,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { pushTesting } from 'nestjs-push/testing/app';
import { afterTest } from './cleanup.js';
import { createApp, type Platform } from './start-app.js';

/** What is published in the application under test. */
export interface Topics {
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

/** Who may read orders. */
export const owner = { id: 'ann', role: 'owner' };

interface Setting {
  readonly platform?: Platform;
  readonly options?: PushOptions;
  readonly providers?: NonNullable<Parameters<typeof createApp>[1]['providers']>;
}

/** The application, and what a test may do with it. */
export async function start({ platform = 'express', options, providers = [] }: Setting = {}) {
  const app = await createApp(platform, {
    imports: [PushModule.forRoot({ authenticate: NameAuthenticator, ...options })],
    controllers: [OrdersController],
    providers: [OrdersPolicy, RoomsPolicy, ...providers],
  });
  const push = await pushTesting<Topics>(app);
  afterTest(() => push.close());
  return { app, push, bus: app.get<EventBus<Topics>>(EventBus) };
}

export const paid = { status: 'paid' } as const;
export const shipped = { status: 'shipped' } as const;
