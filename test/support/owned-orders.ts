import {
  Controller,
  Inject,
  Param,
  Req,
  Sse,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import {
  EventBus,
  PushAccess,
  PushModule,
  PushTickets,
  PushTopic,
  topic,
  type Principal,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { map } from 'rxjs';
import { NameAuthenticator, Users } from './roles.js';
import { startApp, type Platform } from './start-app.js';

@PushTopic('orders.:id')
class OrdersPolicy implements TopicPolicy {
  /** Holds back the answers while a test wants it, and says that there is one. */
  static gate: { decided(): void; opens: Promise<void> } | undefined;

  constructor(private readonly users: Users) {}

  async canSubscribe({ id: user }: Principal, { id }: { id: string }) {
    const isOwner = this.users.orders.get(id) === user;
    OrdersPolicy.gate?.decided();
    await OrdersPolicy.gate?.opens;
    return isOwner;
  }
}

@PushTopic('orders.*')
class AllOrdersPolicy implements TopicPolicy {
  constructor(private readonly users: Users) {}

  canSubscribe({ id }: Principal) {
    return this.users.admins.has(id);
  }
}

/** From now on answers of the policy wait: `decided` resolves when there is one. */
export function holdAnswers() {
  let open!: () => void;
  const opens = new Promise<void>((resolve) => (open = resolve));
  const decided = new Promise<void>((resolve) => (OrdersPolicy.gate = { decided: resolve, opens }));
  const release = () => {
    OrdersPolicy.gate = undefined;
    open();
  };
  return { decided, release };
}

/** An application's own guard, which leaves its user on the request. */
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ user?: unknown; headers: Record<string, string> }>();
    request.user = { name: request.headers['x-user'], until: Number(request.headers['x-until'] ?? Infinity) };
    return request.headers['x-user'] !== undefined && request.headers['x-user'] !== 'banned';
  }
}

@Controller('own')
@UseGuards(UserGuard)
class OwnController {
  constructor(@Inject(EventBus) private readonly events: EventBus) {}

  @Sse(':id/direct')
  direct(@Param('id') id: string, @Req() _request: unknown) {
    return this.events.stream(topic`orders.${id}`);
  }

  @Sse(':id/piped')
  piped(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`).pipe(map((message) => message));
  }
}

const sse: PushOptions['sse'] = {
  principal: ({ user }) => {
    const { name, until } = user as { name: string; until: number };
    return { id: name, ...(until < Infinity && { expiresAt: until }) };
  },
};

/**
 * An application whose users are their tokens: ann has the orders 42 and 43, bob has 44, and root reads all. It streams orders
 * from the endpoints of push and from routes of its own.
 */
export async function start(options: PushOptions = {}, platform: Platform = 'express') {
  const app = await startApp(platform, {
    imports: [
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        topics: [{ pattern: 'public.>', access: 'public' }],
        sse,
        ...options,
      }),
    ],
    controllers: [OwnController],
    providers: [Users, OrdersPolicy, AllOrdersPolicy],
  });
  const users = app.nest.get(Users);
  users.orders.set('42', 'ann').set('43', 'ann').set('44', 'bob');
  users.admins.add('root');
  return { app, users, access: app.nest.get(PushAccess), tickets: app.nest.get(PushTickets) };
}

/** The data of the newest event. */
export const lastData = (events: { type: string; data: string }[]) =>
  events.at(-1) && JSON.parse(events.at(-1)!.data);
