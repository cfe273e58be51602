import type { INestApplication } from '@nestjs/common';
import type { AddressInfo, Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { Authentication } from '../../access/authentication.js';
import { EventBus } from '../../bus/event-bus.js';
import type { PayloadOf, PushTopics } from '../../bus/declared-topics.js';
import type { PushEvent } from '../../bus/handled-events.js';
import { PushClients } from '../../clients/push-clients.js';
import { Backplane } from '../../contracts/backplane.js';
import { Clock } from '../../contracts/clock.js';
import type { Principal } from '../../contracts/principal.js';
import { pushPlacement, type PushPlacement } from '../../contracts/settings.js';
import { PushHandlers } from '../../handlers/push-handlers.js';
import { Hub } from '../../hub/hub.js';
import { NodeLog } from '../../hub/replay/node-log.js';
import { BasePath, endpoints } from '../../platform/base-path.js';
import type { Start } from '../../protocol/topics.js';
import { PushTestingError } from './changes.js';
import { FakePrincipals } from './fake-principals.js';
import { PublishedEvents } from './published-events.js';
import { ServerSockets } from './server-sockets.js';
import { settle, type WorkingParts } from './settling.js';
import { PushTestClient, type ClientTarget } from './test-client.js';
import { TestLog } from './test-log.js';
import { TestTime } from './test-time.js';

/** Options of `pushTesting()`. */
export interface PushTestingOptions {
  /** How long each wait may take, in milliseconds. Less than the timeout of the test says what was missing. Default: 4,000. */
  readonly timeout?: number;
}

/** Options of `PushTesting.connect()`. */
export interface ConnectOptions<Pattern extends string = string> {
  /**
   * The user whose client it is: a principal, or just its id. Default: the application's authenticator decides, by the `headers`.
   */
  readonly as?: Principal | string;
  /** Topics and patterns that it reads. Default: none, over WebSocket. */
  readonly topics?: Pattern | readonly Pattern[];
  /** Where it begins. Default: `now`. */
  readonly from?: Start;
  /** The path of an `@Sse()` route of the application, with its query. Default: push's own doors. */
  readonly route?: string;
  /** Default: `websocket`, if the module has that; always `sse` for a route. */
  readonly transport?: 'websocket' | 'sse';
  /** Headers of its requests, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * What tests of an application need of push. Every wait has a bound, and says what was there instead.
 *
 * @typeParam Topics the declared topics
 */
export class PushTesting<Topics = PushTopics> {
  /** The log, with the accidents that a test wants. */
  readonly log: TestLog;
  /** The time of what expires and repeats. */
  readonly time: TestTime;
  private readonly parts: WorkingParts;
  private readonly events: PublishedEvents;
  private readonly principals = new FakePrincipals();
  private readonly sockets: ServerSockets;
  private readonly clients = new Set<PushTestClient>();

  /** @internal */
  constructor(
    private readonly app: INestApplication,
    private readonly patience: number,
  ) {
    const hub = this.get(Hub);
    const backplane = this.get(Backplane);
    this.parts = { hub, backplane, bus: this.get(EventBus), handlers: this.get(PushHandlers) };
    this.time = new TestTime(this.get(Clock), this.get(NodeLog).window);
    this.log = new TestLog(backplane, this.time);
    this.events = new PublishedEvents(hub, patience);
    this.get(Authentication).assumed = this.principals.of;
    this.sockets = new ServerSockets(this.server, this.get(PushClients), patience);
    // For guards and handlers of the application that read the user of a request.
    this.server.prependListener(
      'request',
      (request: Parameters<FakePrincipals['of']>[0] & { user?: unknown }) => {
        const user = this.principals.of(request);
        if (user) request.user = user;
      },
    );
  }

  /**
   * The next event of a topic or pattern: the first that no call has returned before, published already or yet to come.
   *
   * @throws PushTestingError (the promise rejects) if none is published in time
   */
  published<const Pattern extends string>(pattern: Pattern): Promise<PushEvent<PayloadOf<Topics, Pattern>>> {
    return this.events.next(pattern) as Promise<PushEvent<PayloadOf<Topics, Pattern>>>;
  }

  /** All events of a topic or pattern that were published and delivered so far: `settled()` before makes that all. */
  allPublished<const Pattern extends string = '>'>(
    pattern?: Pattern,
  ): PushEvent<PayloadOf<Topics, Pattern>>[] {
    return this.events.all(pattern ?? '>') as PushEvent<PayloadOf<Topics, Pattern>>[];
  }

  /**
   * Holds that nothing was published to a topic or pattern but what `published()` has returned, once all is settled.
   *
   * @throws PushTestingError (the promise rejects) that names what was published
   */
  async nonePublished(pattern = '>'): Promise<void> {
    const failure = new PushTestingError();
    await this.settled();
    const left = this.events.left(pattern).map(({ topic, data }) => `${topic} ${JSON.stringify(data)}`);
    if (left.length === 0) return;
    failure.message = `Nothing was expected of ${pattern}, and ${left.length} events were published: ${left.slice(0, 5).join('; ')}`;
    throw failure;
  }

  /**
   * Resolves when everything that was published so far is through: clients were written to, methods with `@OnPush()` have run on
   * this node, in groups too, and so have observers of `bus.on()` and the promises that they return; also for what those publish.
   *
   * @throws PushTestingError (the promise rejects) when the time is over; it says what still works
   */
  settled(): Promise<void> {
    return settle(this.parts, this.patience);
  }

  /**
   * Connects a client over a real socket. When it resolves the client reads its topics: it gets what is published from then on.
   *
   * @throws PushError (the promise rejects) if the client is refused, with the `code` that it was told
   */
  async connect<const Pattern extends string = '>'>(
    options: ConnectOptions<Pattern> = {},
  ): Promise<PushTestClient<PayloadOf<Topics, Pattern>>> {
    const client = new PushTestClient<PayloadOf<Topics, Pattern>>(
      this.targetOf(options),
      this.sockets,
      this.patience,
    );
    this.clients.add(client);
    await client.open();
    return client;
  }

  /** The URL of a path of the application, for `fetch`. */
  url(path = ''): string {
    const scheme = this.server instanceof TlsServer ? 'https' : 'http';
    return `${scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** Cuts all clients, and closes the application. */
  async close(): Promise<void> {
    this.log.available();
    await Promise.all([...this.clients].map((client) => client.cut()));
    await this.app.close();
  }

  private targetOf({ as, topics = [], from, route, transport, headers }: ConnectOptions): ClientTarget {
    const placement = this.app.get<PushPlacement>(pushPlacement, { strict: false });
    const base = this.url(this.get(BasePath).value);
    const asked = [topics].flat();
    const query = new URLSearchParams();
    for (const topic of asked) query.append('topic', topic);
    if (from !== undefined) query.set('from', from);
    const door = transport ?? (placement.gateway ? 'websocket' : 'sse');
    const own = door === 'sse' ? `${base}/${endpoints.events}?${query.toString()}` : base;
    return {
      transport: route === undefined ? door : 'sse',
      url: route === undefined ? own : this.url(route),
      publishUrl: `${base}/${endpoints.publish}`,
      headers: { ...headers, ...(as !== undefined && this.principals.headersOf(as)) },
      topics: asked,
      from,
      isRoute: route !== undefined,
    };
  }

  private get server(): Server {
    return this.app.getHttpServer() as Server;
  }

  private get<Part>(part: abstract new (...args: never[]) => Part): Part {
    return this.app.get<Part>(part as never, { strict: false });
  }
}

/**
 * Gives a test of an application what it needs of push, and has the application listen on a free port unless it listens
 * already. `close()` ends both.
 *
 * ```ts
 * const push = await pushTesting(app);
 * await app.get(OrdersService).pay('42');
 * expect(await push.published('orders.42')).toMatchObject({ data: { status: 'paid' } });
 * await push.close();
 * ```
 *
 * @throws PushTestingError (the promise rejects) if the application has no `PushModule`; what `listen` throws
 */
export async function pushTesting<Topics = PushTopics>(
  app: INestApplication,
  { timeout = 4_000 }: PushTestingOptions = {},
): Promise<PushTesting<Topics>> {
  if (!hasPush(app)) throw new PushTestingError('The application has no PushModule.');
  const push = new PushTesting<Topics>(app, timeout);
  if (!(app.getHttpServer() as Server).listening) await app.listen(0, '127.0.0.1');
  return push;
}

function hasPush(app: INestApplication): boolean {
  try {
    return app.get(pushPlacement, { strict: false }) !== undefined;
  } catch {
    return false;
  }
}
