import { PushModule, PushTopic, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { NameAuthenticator, Users } from './roles.js';
import { startApp, type Platform } from './start-app.js';

@PushTopic('rooms.:id')
class RoomsPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

/** An application whose users are their tokens. Everybody reads `public.>`; users read and publish to `rooms.*`. */
export function start(options: PushOptions = {}, platform: Platform = 'express', cors?: object) {
  return startApp(
    platform,
    {
      imports: [
        PushModule.forRoot({
          authenticate: NameAuthenticator,
          topics: [{ pattern: 'public.>', access: 'public' }],
          ...options,
        }),
      ],
      providers: [Users, RoomsPolicy],
    },
    (app) => cors && app.enableCors(cors),
  );
}

/** The SSE endpoint, for a topic that everybody reads. */
export const stream = '/push/events?topic=public.x';
