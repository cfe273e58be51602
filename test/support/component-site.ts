import { Controller, Get, Header, Injectable, type Type } from '@nestjs/common';
import {
  Authenticator,
  PushError,
  PushModule,
  PushTopic,
  type AcceptContext,
  type Handshake,
  type Principal,
  type PublishContext,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { startApp, type RunningApp } from './start-app.js';

/** Everybody is a user: the token is the name, and without one it is Ann. */
@Injectable()
class AnyoneAuthenticator extends Authenticator {
  authenticate({ token = 'ann' }: Handshake): Principal {
    return { id: token };
  }
}

/** Everybody may do everything in rooms, but say what is bad. The answer to what is late comes when `answer` is called. */
@Injectable()
@PushTopic('rooms.:name')
export class RoomPolicy implements TopicPolicy {
  answer!: () => void;

  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }

  transform(_: Principal, __: object, { data }: PublishContext) {
    if (data === 'bad') throw new PushError('FORBIDDEN', 'That is bad.');
    return data;
  }

  accept(_: Principal, __: object, { data }: AcceptContext) {
    return data === 'late' ? new Promise<void>((resolve) => (this.answer = resolve)) : undefined;
  }
}

@Controller()
class PageController {
  @Get()
  @Header('content-type', 'text/html')
  page(): string {
    return '<!doctype html><link rel="icon" href="data:,"><body></body>';
  }
}

const access = 'public' as const;

/** What a site has besides. */
interface SiteExtras {
  readonly controllers?: readonly Type<object>[];
  readonly policies?: readonly Type<TopicPolicy>[];
  /** How long members of rooms stay after they have left, in milliseconds. Default: 0. */
  readonly grace?: number;
}

/** An application with an empty page, and a topic for everything that components show. What is not of these topics is refused. */
export function startComponentSite(
  options: PushOptions = {},
  { controllers = [], policies = [], grace = 0 }: SiteExtras = {},
): Promise<RunningApp> {
  return startApp('express', {
    controllers: [PageController, ...controllers],
    providers: [RoomPolicy, ...policies],
    imports: [
      PushModule.forRoot({
        topics: [
          { pattern: 'board.*', access, state: true },
          { pattern: 'runs.*', access, finite: true },
          { pattern: 'rooms.*', presence: { grace } },
          { pattern: 'news.*', access },
        ],
        authenticate: AnyoneAuthenticator,
        heartbeat: 5_000,
        limits: { subscribe: { perSecond: 10_000, burst: 100_000 } },
        ...options,
      }),
    ],
  });
}
