import { Controller, Injectable, Sse } from '@nestjs/common';
import {
  EventBus,
  isSnapshot,
  PushModule,
  PushSnapshot,
  type PushOptions,
  type SnapshotContext,
} from 'nestjs-push';
import { map } from 'rxjs';
import { NameAuthenticator, as, Users } from './roles.js';
import { openSse, type SseReader } from './sse-reader.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';
import { eventually } from './watched.js';
import { openWs, type WsClient } from './ws-client.js';

/* Topics whose state an application loads: each call of its database waits until the test answers it. */

/** A call of the database that has not been answered. */
export interface Call {
  readonly context: SnapshotContext;
  answer(data: unknown): void;
  fail(error: Error): void;
}

/** What an application would keep in a database. Each call waits until the test answers it. */
@Injectable()
class Database {
  readonly calls: Call[] = [];
  private asked = 0;

  query(context: SnapshotContext): Promise<unknown> {
    return new Promise((answer, fail) => this.calls.push({ context, answer, fail }));
  }

  /** The next call, when it comes. */
  async next(): Promise<Call> {
    const index = this.asked++;
    await eventually(() => this.calls.length > index);
    return this.calls[index]!;
  }

  /** How many calls have come that no test has taken. */
  get untaken(): number {
    return this.calls.length - this.asked;
  }
}

@Injectable()
class Orders {
  constructor(private readonly database: Database) {}

  @PushSnapshot('orders.:id')
  one(context: SnapshotContext) {
    return this.database.query(context);
  }

  @PushSnapshot('orders.:id.>')
  parts(context: SnapshotContext) {
    return this.database.query(context);
  }

  @PushSnapshot('boards.:id', { shared: true })
  board(context: SnapshotContext) {
    return this.database.query(context);
  }

  @PushSnapshot('now')
  now() {
    return { at: 'once' };
  }
}

@Controller()
class Routes {
  constructor(private readonly bus: EventBus) {}

  @Sse('one')
  one() {
    return this.bus.stream('orders.1', { from: 'snapshot' });
  }

  @Sse('piped')
  piped() {
    const stream = this.bus.stream<string>('orders.1', { from: 'snapshot' });
    return stream.pipe(
      map((message) =>
        isSnapshot(message)
          ? { ...message, data: { whole: message.data.data } }
          : { ...message, data: { part: message.data } },
      ),
    );
  }

  @Sse('many')
  many() {
    return this.bus.stream('orders.*', { from: 'snapshot', wildcards: true });
  }
}

/** What `onError` was told in this test, and at which stage. */
export const errors: [error: unknown, stage: string][] = [];
beforeEach(() => void errors.splice(0));

/** Topics with and without loaders, that everybody who has a name may read. */
export async function start(options: PushOptions = {}, platform: Platform = 'express') {
  const app = await startApp(platform, {
    imports: [
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        topics: [{ pattern: '>', access: 'authenticated', retention: { events: 3 } }],
        onError: (error, { stage }) => errors.push([error, stage]),
        ...options,
      }),
    ],
    controllers: [Routes],
    providers: [Database, Orders, Users],
  });
  return { app, database: app.nest.get(Database) };
}

/** The WebSocket of a user. */
export const ann = (app: RunningApp) => openWs(app.webSocketUrl(), as('ann'));

/** Asks for topics; the answer comes later. */
export function subscribe(
  client: WsClient,
  topics: string[],
  rest: object = { from: 'snapshot' },
  ref = topics.join(),
) {
  client.send({ event: 'subscribe', data: { topics, ref, ...rest } });
}

/** The module's own event stream, for the same user. */
export const openEvents = (
  app: RunningApp,
  query: string,
  headers: Record<string, string> = {},
): Promise<SseReader> =>
  openSse(app.url(`/push/events?${query}`), { headers: { ...as('ann').headers, ...headers } });

/** What came after the greeting: names and data. */
export const storyOf = (client: WsClient) =>
  client.messages
    .filter(({ event }) => event !== 'hello' && event !== 'heartbeat')
    .map(({ event, data }) =>
      event === 'message' || event === 'snapshot' ? `${event} ${String(data.data)}` : event,
    );

/** The same of an event stream. */
export const storyOn = (reader: SseReader) =>
  reader.events.map(({ type, id, data }) => `${type} ${id} ${data}`);
