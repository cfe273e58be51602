import { Controller, Sse } from '@nestjs/common';
import { Allow } from 'class-validator';
import {
  EventBus,
  PushModule,
  PushTopic,
  type PresenceChange,
  type Principal,
  type PushOptions,
  type TopicPolicy,
  type TopicPresence,
} from 'nestjs-push';
import { map } from 'rxjs';
import { NameAuthenticator, Users } from './roles.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';

/** Long enough for a client to come back in a test that waits for nothing else. */
const grace = 60_000;

class Status {
  @Allow()
  typing?: boolean;
}

/** What is said of oneself in offices is checked; nobody may see who is in a private one. */
@PushTopic('offices.:id', { presence: Status })
class OfficePolicy implements TopicPolicy {
  canSubscribe(principal: Principal) {
    return principal.id !== 'stranger';
  }

  canSeePresence(_: Principal, { id }: { id: string }) {
    return id !== 'private';
  }
}

@Controller()
class RoomsController {
  constructor(private readonly events: EventBus) {}

  @Sse('present')
  present() {
    return this.events.stream('rooms.1', { presence: { data: { by: 'route' } } });
  }

  @Sse('piped')
  piped() {
    return this.events.stream('rooms.1', { presence: true }).pipe(map((message) => message));
  }

  @Sse('absent')
  absent() {
    return this.events.stream('rooms.1');
  }
}

const topics: PushOptions['topics'] = [
  { pattern: 'rooms.*', access: 'public', presence: { grace } },
  { pattern: 'brief.*', access: 'public', presence: { grace: 50 } },
  { pattern: 'small.*', access: 'public', presence: { grace: 0, max: 2 } },
  { pattern: 'counted.*', access: 'public', presence: { grace: 0, counts: true } },
  { pattern: 'offices.*', presence: { grace: 0 } },
  { pattern: 'plain.*', access: 'public' },
];

/** A node whose clients are anonymous. */
export async function startNode(platform: Platform, options: PushOptions = {}): Promise<RunningApp> {
  return startApp(platform, {
    imports: [PushModule.forRoot({ topics, ...options })],
    controllers: [RoomsController],
    providers: [OfficePolicy],
  });
}

/** A node whose clients have names. */
export async function startNamed(platform: Platform, options: PushOptions = {}): Promise<RunningApp> {
  return startApp(platform, {
    imports: [PushModule.forRoot({ topics, authenticate: NameAuthenticator, ...options })],
    providers: [OfficePolicy, Users, NameAuthenticator],
    exports: [Users],
  });
}

/** All changes of a room, as "join ann". */
export function changesOf(presence: TopicPresence): string[] {
  const changes: string[] = [];
  presence.changes.subscribe(({ type, user }: PresenceChange) => changes.push(`${type} ${user.user}`));
  return changes;
}
