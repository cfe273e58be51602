import { Controller, Get, Header, Injectable } from '@nestjs/common';
import {
  Authenticator,
  PushError,
  PushModule,
  PushTopic,
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

/** Everybody may do everything in rooms, but say what is bad. */
@Injectable()
@PushTopic('rooms.:name')
class RoomPolicy implements TopicPolicy {
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

/** An application with an empty page, and a topic for everything that components show. What is not of these topics is refused. */
export function startComponentSite(options: PushOptions = {}): Promise<RunningApp> {
  return startApp('express', {
    controllers: [PageController],
    providers: [RoomPolicy],
    imports: [
      PushModule.forRoot({
        topics: [
          { pattern: 'board.*', access, state: true },
          { pattern: 'runs.*', access, finite: true },
          { pattern: 'rooms.*', presence: { grace: 0 } },
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
