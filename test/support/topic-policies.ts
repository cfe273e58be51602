import { ForbiddenException, NotFoundException, Module, type Type } from '@nestjs/common';
import { IsInt, IsString, MaxLength, Min } from 'class-validator';
import {
  PushModule,
  PushTopic,
  type Principal,
  type PublishContext,
  type PushOptions,
  type TopicContext,
  type TopicPolicy,
} from 'nestjs-push';
import { NameAuthenticator, Users } from './roles.js';
import { startApp, type RunningApp } from './start-app.js';

/** Owners read their orders, if there are such orders. */
@PushTopic('orders.:id')
export class OrdersPolicy implements TopicPolicy {
  static readonly asked: [string, TopicContext][] = [];

  constructor(private readonly users: Users) {}

  async canSubscribe({ id: user }: Principal, { id }: { id: string }, context: TopicContext) {
    OrdersPolicy.asked.push([id, context]);
    await Promise.resolve();
    const owner = this.users.orders.get(id);
    if (id === 'broken') throw new TypeError('db-password=hunter2');
    if (owner === undefined) throw new NotFoundException(`There is no order ${id}.`);
    return owner === user;
  }
}

/** Administrators read all of them. */
@PushTopic('orders.*')
class AllOrdersPolicy implements TopicPolicy {
  constructor(private readonly users: Users) {}

  canSubscribe({ id }: Principal) {
    return this.users.admins.has(id);
  }
}

/** Everything of oneself. */
@PushTopic('users.:user.>')
class OwnPolicy implements TopicPolicy {
  canSubscribe({ id }: Principal, { user }: { user: string }) {
    return id === user;
  }

  /** Not a boolean: a promise of something else grants nothing. */
  canPublish(): boolean {
    return 'yes' as never;
  }
}

class Line {
  @IsString()
  from!: string;

  @IsString()
  @MaxLength(20)
  text!: string;
}

@PushTopic('chat.:room', { payload: Line })
class ChatPolicy implements TopicPolicy<Line> {
  canSubscribe() {
    return true;
  }

  canPublish(_: Principal, { room }: { room: string }) {
    return room !== 'readonly';
  }

  async transform({ id }: Principal, _: object, { data }: PublishContext<Line>) {
    await Promise.resolve();
    if (!(data instanceof Line) || data.from !== id) throw new ForbiddenException('Write in your own name.');
    return data.text === 'shout' ? { ...data, text: 'SHOUT' } : data;
  }
}

@PushTopic('$own.:id')
class ReservedPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

@PushTopic('anything.:id')
export class AnythingPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

class Reading {
  @IsInt()
  @Min(0)
  value!: number;
}

/** Inherits nothing but its decorator's pattern. */
@PushTopic('sensors.:id.readings', { payload: Reading })
class SensorsPolicy extends AnythingPolicy {}

const policies = [
  OrdersPolicy,
  AllOrdersPolicy,
  OwnPolicy,
  ChatPolicy,
  AnythingPolicy,
  SensorsPolicy,
  ReservedPolicy,
];

@Module({ providers: [Users], exports: [Users] })
class UsersModule {}

/** An application with all of these policies: ann has order 42, bob has order 43, and root reads all. */
export async function start(options: PushOptions = {}): Promise<{ app: RunningApp; users: Users }> {
  const app = await startApp('express', {
    imports: [
      UsersModule,
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        topics: [
          { pattern: 'public.>', access: 'public' },
          { pattern: 'members.*', access: 'authenticated' },
        ],
        onError: () => undefined,
        ...options,
      }),
    ],
    providers: policies,
  });
  const users = app.nest.get(Users, { strict: false });
  users.orders.set('42', 'ann').set('43', 'bob');
  users.admins.add('root');
  return { app, users };
}

/** An application with one policy, which has 50 ms to decide. */
export const startImpatient = (policy: Type) =>
  startApp('express', {
    imports: [
      UsersModule,
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        limits: { decisionTimeout: 50 },
        onError: () => undefined,
      }),
    ],
    providers: [policy],
  });
