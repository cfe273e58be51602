import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import assert from 'node:assert/strict';
import type { Server } from 'node:net';
import { PushAccess } from '../access/push-access.js';
import { MemoryBackplane } from '../backplane/memory/memory.backplane.js';
import { EventBus } from '../bus/event-bus.js';
import { PushClients } from '../clients/push-clients.js';
import { PushLifecycle } from '../clients/lifecycle.js';
import type { Tail } from '../contracts/backplane.js';
import type { RetentionRules } from '../contracts/retention.js';
import { PushModule } from '../push.module.js';
import type { PushOptions } from '../push.options.js';
import { SceneApplication } from './transport-application.js';
import type { TransportClient, TransportRequest } from './transport-client.js';

/** An application that listens, and a way to connect clients of the transport to it. */
export interface TransportUnderTest {
  /** The application. It already listens. */
  readonly app: INestApplication;
  /** Starts to connect a client, over a connection of its own, and returns at once. The client records the outcome. */
  connect(request: TransportRequest): TransportClient;
  /** Closes the application, usually by `app.close()`. */
  close(): Promise<void>;
}

/** Starts an application with these modules and providers, in addition to those of the transport. */
export type StartTransport = (
  metadata: Required<Pick<ModuleMetadata, 'imports' | 'providers'>>,
) => Promise<TransportUnderTest>;

/** How long an application may take to release clients that are gone, in milliseconds. */
const releaseTimeout = 40_000;

/** A log that the node cannot reach yet when the application begins to listen. */
export class LateLog extends MemoryBackplane {
  private begin: () => void = () => undefined;

  override start(tail: Tail, retention: RetentionRules): void {
    this.begin = () => super.start(tail, retention);
  }

  /** Lets the node reach it. */
  reach(): void {
    this.begin();
  }
}

/** An application for one test, its clients, and what it holds for them. */
export class Scene {
  private readonly clients: TransportClient[] = [];

  private constructor(
    /** Decides for the application, and records the calls of its hooks. */
    readonly application: SceneApplication,
    private readonly transport: TransportUnderTest,
  ) {}

  static async open(start: StartTransport, options: PushOptions): Promise<Scene> {
    const application = new SceneApplication();
    const push = PushModule.forRoot({
      authenticate: application.authenticator,
      topics: [
        { pattern: 'strict.>', access: 'public', slow: 'disconnect' },
        { pattern: 'news.>', access: 'public' },
      ],
      retention: { events: 50 },
      onError: (error) => application.errors.push(error),
      ...options,
    });
    return new Scene(application, await start({ imports: [push], providers: application.providers }));
  }

  get bus(): EventBus {
    return this.transport.app.get(EventBus);
  }

  get access(): PushAccess {
    return this.transport.app.get(PushAccess);
  }

  get lifecycle(): PushLifecycle {
    return this.transport.app.get(PushLifecycle);
  }

  get connected(): PushClients {
    return this.transport.app.get(PushClients);
  }

  /** Starts to connect a client, as Alice unless `more` has another token, and does not wait. */
  connect(topics: string | readonly string[], more: Partial<TransportRequest> = {}): TransportClient {
    const client = this.transport.connect({ topics: [topics].flat(), token: 'alice', ...more });
    this.clients.push(client);
    return client;
  }

  /** Connects a client, and waits until it reads. */
  async enter(...asked: Parameters<Scene['connect']>): Promise<TransportClient> {
    const client = this.connect(...asked);
    await client.until(({ hasBegun, hasEnded, refusal }) => hasBegun || hasEnded || refusal !== undefined);
    assert.ok(client.hasBegun, `It was not let in: ${client.failure ?? 'its connection has ended'}.`);
    return client;
  }

  /** Connects a client, and waits until it is refused. Returns the code. */
  async refusal(...asked: Parameters<Scene['connect']>): Promise<string | undefined> {
    const client = this.connect(...asked);
    await client.until(({ hasBegun, hasEnded, refusal }) => hasBegun || hasEnded || refusal !== undefined);
    assert.deepEqual(client.data, []);
    assert.equal(client.hasBegun, false, 'It was let in.');
    client.leave();
    return client.failure;
  }

  /** Resolves once a new client finds a free place, which the previous client held. The new client leaves again. */
  async hasPlace(): Promise<void> {
    let reason = '';
    const isLetIn = () =>
      this.enter('news.place').then(
        (client) => (client.leave(), true),
        ({ message }: Error) => ((reason = message), false),
      );
    await eventually(isLetIn, () => `No place is free for a new client: ${reason}`);
    const isListed = () => this.connected.list().some(({ topics }) => topics?.includes('news.place'));
    await eventually(
      () => !isListed(),
      () => 'A client has left, and is still listed.',
    );
  }

  /** Publishes numbers. */
  async publish(topic: string, ...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await this.bus.publish(topic, number);
  }

  /** The number of open sockets of the server. */
  private sockets(): Promise<number> {
    const server = this.transport.app.getHttpServer() as Server;
    return new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  /** Resolves once the server has `count` open sockets. */
  untilSockets(count: number): Promise<void> {
    let open: number | undefined;
    return eventually(
      async () => (open = await this.sockets()) === count,
      () => `${open} sockets are open, and not ${count}.`,
    );
  }

  /** Lets all clients vanish, and resolves once the application holds nothing for them. */
  async leavesNothing(): Promise<void> {
    this.clients.forEach((client) => client.vanish());
    await this.untilSockets(0);
    await eventually(
      () => Object.keys(this.holdings).length === 0,
      () => `Its clients are gone, and the application still holds ${JSON.stringify(this.holdings)}.`,
    );
  }

  async close(): Promise<void> {
    this.application.releaseAll();
    try {
      await this.leavesNothing();
      assert.deepEqual(this.application.errors, [], 'Errors were reported.');
    } finally {
      await this.transport.close();
    }
  }

  /** What the application still holds for its clients, as far as public APIs show. Empty if there is nothing. */
  private get holdings(): Record<string, number> {
    const { connections, subscriptions, audiences, lagging } = this.bus.stats();
    const { connected, disconnected } = this.application;
    const counts = {
      clients: this.connected.size,
      connections,
      subscriptions,
      audiences,
      lagging,
      'without disconnect hook': connected.length - disconnected.length,
    };
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
  }
}

/** Opens the scene of a test; it is closed after the test, and checks that nothing is left over. */
export type OpenScene = (options?: PushOptions) => Promise<Scene>;

/** Polls until `holds` is true, for state that emits no event. @param failure the error message if it is not true in time */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  failure: () => string,
): Promise<void> {
  const end = performance.now() + releaseTimeout;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(failure());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
