import { Inject, Injectable } from '@nestjs/common';
import { logConnected, logDisconnected } from '../bus/debug-log.js';
import type { Session } from '../access/session.js';
import { explain } from '../bus/failure.js';
import type { PushError } from '../contracts/errors.js';
import { Hub } from '../hub/hub.js';
import { Client, type ClientListener } from './client.js';
import { Hooks, type ConnectionContext } from './hooks.js';
import type { Outlet } from './outlet.js';
import { TimerWheel } from './timer-wheel.js';

/** The clients of this node, whatever carries them. */
@Injectable()
export class Clients implements ClientListener {
  private readonly clients = new Set<Client>();
  /** Requests that are being answered, although their clients may be gone. */
  private errands = 0;
  private emptied: (() => void)[] = [];

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(TimerWheel) private readonly wheel: TimerWheel,
    @Inject(Hooks) private readonly hooks: Hooks,
  ) {}

  get size(): number {
    return this.clients.size;
  }

  all(): Client[] {
    return [...this.clients];
  }

  /** Whether `test` holds for any of them. */
  some(test: (client: Client) => boolean): boolean {
    for (const client of this.clients) if (test(client)) return true;
    return false;
  }

  /** Makes a client. It does not count yet. */
  create(session: Session, outlet: Outlet): Client {
    return new Client(session, outlet, this.hub, this.wheel, this);
  }

  /** From now on the client counts, until it has left. */
  add(client: Client): void {
    this.clients.add(client);
    logConnected(client);
  }

  /** Runs the connect hooks, and the subscribe hooks for the topics that the client begins with. */
  greet(client: Client, topics?: readonly string[]): Promise<void> | undefined {
    const context = contextOf(client);
    const connected = this.hooks.connect(context);
    if (!topics) return connected;
    const subscribe = () => this.hooks.subscribe({ ...context, topics });
    return connected ? connected.then(subscribe) : subscribe();
  }

  /** What a client is told that is not let in because of `thrown`. An error that nobody expected is reported. */
  refusal(client: Client, thrown: unknown): PushError {
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.hooks.report(thrown, 'connect', client.id);
    return error;
  }

  /** Runs the subscribe hooks. */
  announce(client: Client, topics: readonly string[]): Promise<void> | undefined {
    return this.hooks.subscribe({ ...contextOf(client), topics });
  }

  /** Tells the unsubscribe hooks. */
  unsubscribed(client: Client, topics: readonly string[]): void {
    this.hooks.unsubscribe({ ...contextOf(client), topics });
  }

  /** Takes an ended client out, and tells the disconnect hooks. Idempotent. */
  left(client: Client): void {
    if (!this.clients.delete(client)) return;
    const { reason } = client;
    logDisconnected(client, reason);
    this.hooks.disconnect({ ...contextOf(client), reason });
    this.look();
  }

  /** Runs what a request has asked for: `whenEmpty` waits for it as for a client, although its client may be gone. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.errands++;
    try {
      return await run();
    } finally {
      this.errands--;
      this.look();
    }
  }

  /** Resolves once no client is connected, and nothing that one has asked for is under way. */
  whenEmpty(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }

  /** Resolves once the hooks of clients that have left have finished. */
  seenOff(): Promise<void> {
    return this.hooks.settled();
  }

  private get isEmpty(): boolean {
    return this.clients.size === 0 && this.errands === 0;
  }

  private look(): void {
    if (!this.isEmpty) return;
    this.emptied.forEach((resolve) => resolve());
    this.emptied = [];
  }
}

/** What hooks are told of a client. */
function contextOf({ id, transport, principal }: Client): ConnectionContext {
  return { connection: id, transport, principal };
}
