import { Inject, Injectable } from '@nestjs/common';
import { logConnected, logDisconnected } from '../bus/debug-log.js';
import type { Session } from '../access/session.js';
import { explain } from '../bus/failure.js';
import type { DisconnectReason } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import { Hub } from '../hub/hub.js';
import { suspendTimeout } from '../platform/session-timeout.js';
import type { ClientListener, Presentation } from './client-listener.js';
import { Client } from './client.js';
import { connectionId } from './connection-id.js';
import { Hooks, type ConnectionContext } from './hooks.js';
import type { Outlet } from './outlet.js';
import { TimerWheel } from './timer-wheel.js';

/** The clients of this node, on all transports. */
@Injectable()
export class Clients implements ClientListener<Client> {
  private readonly clients = new Set<Client>();
  /** The number of requests in progress. Their clients may be gone. */
  private pendingRequests = 0;
  private emptyListeners: (() => void)[] = [];
  private readonly listeners = new Set<ClientListener<Client>>();

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(TimerWheel) private readonly wheel: TimerWheel,
    @Inject(Hooks) private readonly hooks: Hooks,
  ) {}

  get size(): number {
    return this.clients.size;
  }

  /** Tells `listener` too, of all clients, from now on. */
  listen(listener: ClientListener<Client>): void {
    this.listeners.add(listener);
  }

  all(): Client[] {
    return [...this.clients];
  }

  /** Whether `test` holds for at least one client. */
  some(test: (client: Client) => boolean): boolean {
    for (const client of this.clients) if (test(client)) return true;
    return false;
  }

  /** Makes a client. It is not in the set before `add`. */
  create(session: Session, outlet: Outlet): Client {
    return new Client(session, outlet, this.hub, this.wheel, this);
  }

  /** Adds a client to the set. It stays there until `left`. */
  add(client: Client): void {
    this.clients.add(client);
    const { outlet } = client;
    if (outlet.http2) outlet.onClosed(suspendTimeout(outlet.http2));
    this.hub.counts.of(client.transport).joined();
    logConnected(client);
  }

  /** Runs the connect hooks, then the subscribe hooks for the topics that the client begins with. */
  runConnectHooks(client: Client, topics?: readonly string[]): Promise<void> | undefined {
    const context = contextOf(client);
    const connected = this.hooks.connect(context);
    if (!topics) return connected;
    const subscribe = () => this.hooks.subscribe({ ...context, topics });
    return connected ? connected.then(subscribe) : subscribe();
  }

  /** Returns the error that a refused client gets for `thrown`. Unexpected errors are reported to the application. */
  refusal(client: Client, thrown: unknown): PushError {
    const { error, isExpected } = explain(thrown, client);
    if (!isExpected) this.hooks.report(thrown, 'connect', client.id);
    return error;
  }

  /** Runs the subscribe hooks. */
  runSubscribeHooks(client: Client, topics: readonly string[]): Promise<void> | undefined {
    return this.hooks.subscribe({ ...contextOf(client), topics });
  }

  subscribed(client: Client, topics: readonly string[], presentation: Presentation): void {
    for (const listener of this.listeners) listener.subscribed(client, topics, presentation);
  }

  /**
   * Runs `run` for a client that asks once and has no connection. Hooks see it as a connection that begins with these topics
   * and ends: what they refuse is not run.
   *
   * @throws what hooks and `run` throw
   */
  async visit<T>(session: Session, topics: readonly string[], run: () => Promise<T>): Promise<T> {
    const { transport, principal } = session;
    const context: ConnectionContext = { connection: connectionId(), transport, principal };
    let reason: DisconnectReason = 'error';
    try {
      await this.hooks.connect(context);
      await this.hooks.subscribe({ ...context, topics });
      const result = await run();
      reason = 'client';
      return result;
    } finally {
      this.hooks.disconnect({ ...context, reason });
    }
  }

  /** Runs the unsubscribe hooks. */
  unsubscribed(client: Client, topics: readonly string[]): void {
    for (const listener of this.listeners) listener.unsubscribed(client, topics);
    this.hooks.unsubscribe({ ...contextOf(client), topics });
  }

  /** Removes a client that has ended, and runs the disconnect hooks. Idempotent. */
  left(client: Client): void {
    if (!this.clients.delete(client)) return;
    const { reason } = client;
    logDisconnected(client, reason, client.endedBy);
    this.hub.counts.of(client.transport).left(reason, client.endedBy);
    for (const listener of this.listeners) listener.left(client);
    this.hooks.disconnect({ ...contextOf(client), reason });
    this.notifyIfEmpty();
  }

  /** Runs the work of a request. `whenEmpty` waits for it, even if its client is gone. */
  async runRequest<T>(run: () => Promise<T>): Promise<T> {
    this.pendingRequests++;
    try {
      return await run();
    } finally {
      this.pendingRequests--;
      this.notifyIfEmpty();
    }
  }

  /** Resolves once no client is connected and no request is in progress. */
  whenEmpty(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.emptyListeners.push(resolve));
  }

  /** Resolves once the hooks of the clients that have left have finished. */
  hooksSettled(): Promise<void> {
    return this.hooks.settled();
  }

  private get isEmpty(): boolean {
    return this.clients.size === 0 && this.pendingRequests === 0;
  }

  private notifyIfEmpty(): void {
    if (!this.isEmpty) return;
    this.emptyListeners.forEach((resolve) => resolve());
    this.emptyListeners = [];
  }
}

function contextOf({ id, transport, principal }: Client): ConnectionContext {
  return { connection: id, transport, principal };
}
