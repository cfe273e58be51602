import { PushModule, PushTopic, type Principal, type PushOptions } from 'nestjs-push';
import { Users } from './roles.js';
import { startApp, type Platform } from './start-app.js';

/** Ann may read rooms, as long as `decide` says so. */
@PushTopic('rooms.:id')
export class RoomsPolicy {
  static decide: (id: string) => boolean | Promise<boolean> = () => true;

  canSubscribe({ id: user }: Principal, { id }: { id: string }) {
    return user === 'ann' && RoomsPolicy.decide(id);
  }
}

/** An application where everybody may read `news.>`. */
export const start = (
  platform: Platform,
  options: PushOptions = {},
  configure?: Parameters<typeof startApp>[2],
) =>
  startApp(
    platform,
    {
      imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }], ...options })],
      providers: [RoomsPolicy, Users],
    },
    configure,
  );
