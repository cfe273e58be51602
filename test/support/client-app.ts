import { Injectable } from '@nestjs/common';
import {
  PushClients,
  PushModule,
  PushTopic,
  type PushModuleExtras,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { connect, type ConnectOptions, type PushClient, type StatusChange } from 'nestjs-push-client';
import WebSocket from 'ws';
import { afterTest } from './cleanup.js';
import { NameAuthenticator, Users } from './roles.js';
import { startApp, type RunningApp } from './start-app.js';
import { Watched } from './watched.js';

/** Whoever has a name may do everything under `board`. */
@Injectable()
@PushTopic('board.:name')
class BoardPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

/** An application where everybody may read `a.>`, and whoever has a name may write to `board.*`. */
export async function startBoard(options: PushOptions & PushModuleExtras = {}, users = new Users()) {
  const app = await startApp('express', {
    providers: [{ provide: Users, useValue: users }, BoardPolicy],
    exports: [Users],
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: 'a.>', access: 'public' }],
        authenticate: NameAuthenticator,
        websocket: { firstMessage: true },
        heartbeat: 5_000,
        ...options,
      }),
    ],
  });
  return { app, users };
}

/** An application where everybody may read everything. */
export function startPublic(options: PushOptions & PushModuleExtras = {}): Promise<RunningApp> {
  const topics = [{ pattern: '>', access: 'public' as const }];
  const retention = { events: 100_000 };
  return startApp('express', { imports: [PushModule.forRoot({ topics, retention, ...options })] });
}

/** What the clients of an application read, in alphabetical order; the application's own readers do not count. */
export function topicsRead(app: RunningApp): string[] {
  const clients = app.nest.get(PushClients).list();
  return clients.flatMap(({ topics = [] }) => topics).sort();
}

/** A client in this process, which comes back at once; it is closed after the test. */
export function openClient(url: string, options: ConnectOptions = {}): PushClient {
  const push = connect(url, { webSocket: WebSocket, maxRetryDelay: 20, ...options });
  afterTest(() => push.close());
  return push;
}

/** What becomes of a client. */
export class ClientRecord extends Watched {
  readonly changes: StatusChange[] = [];
  readonly handled: unknown[] = [];
  readonly gaps: string[] = [];

  constructor(readonly push: PushClient) {
    super();
    push.onStatus((change) => this.note(this.changes, change));
    push.onGap(({ reason, topics }) => this.note(this.gaps, `${reason} ${topics.join(' ')}`));
  }

  /** Handles what comes on a topic from now on; resolves once nothing of it is missed any more. */
  read(pattern: string): Promise<void> {
    return this.push.on(pattern, (data) => this.note(this.handled, data)).live;
  }

  get statuses(): string[] {
    return this.changes.map(({ status, transport }) => transport ?? status);
  }

  /** Resolves once it has been `status` so often. */
  untilStatus(status: string, count = 1): Promise<void> {
    return this.until(() => this.statuses.filter((each) => each === status).length >= count);
  }

  untilHandled(count: number): Promise<void> {
    return this.until(() => this.handled.length >= count);
  }

  private note<T>(list: T[], value: T): void {
    list.push(value);
    this.changed();
  }
}
