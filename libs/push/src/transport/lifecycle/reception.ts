import type { ClientConnection } from './client-connection.js';
import type { ClientConnections } from './client-connections.js';
import type { ConnectionContext, Hooks } from './hooks.js';
import type { PushLifecycle } from './lifecycle.js';
import type { Turnstile } from './turnstile.js';

/** Where clients come in and go out, for all transports. */
export class Reception {
  constructor(
    private readonly lifecycle: PushLifecycle,
    private readonly turnstile: Turnstile,
    private readonly connections: ClientConnections,
    private readonly hooks: Hooks,
  ) {}

  /** Whether new clients are let in at all. */
  get isOpen(): boolean {
    return this.lifecycle.ready;
  }

  /** Milliseconds after which a client should come back, different for each. */
  get comeBackIn(): number {
    return this.lifecycle.comeBackIn;
  }

  /**
   * Before anything is done for a new client. Returns a promise if it has to wait for its turn.
   *
   * @throws PushError `CLOSED` if the server is shutting down
   */
  enter(): Promise<void> | undefined {
    this.lifecycle.assertReady();
    return this.turnstile.pass();
  }

  /** Before something is done that a client asked for. Returns a promise if it has to wait for its turn. */
  turn(): Promise<void> | undefined {
    return this.turnstile.pass();
  }

  /** @throws PushError `CLOSED` if the server is shutting down */
  assertOpen(): void {
    this.lifecycle.assertReady();
  }

  /** Runs the hooks for a client that is about to be connected, and for the topics that it begins with. */
  greet(context: ConnectionContext, topics?: readonly string[]): Promise<void> | undefined {
    const connected = this.hooks.connect(context);
    if (!topics) return connected;
    const subscribe = () => this.hooks.subscribe({ ...context, topics });
    return connected ? connected.then(subscribe) : subscribe();
  }

  /** Runs the hooks for topics that a connected client asks for. */
  subscribe(context: ConnectionContext, topics: readonly string[]): Promise<void> | undefined {
    return this.hooks.subscribe({ ...context, topics });
  }

  arrived(connection: ClientConnection): void {
    this.connections.add(connection);
  }

  /** Idempotent. */
  left(connection: ClientConnection): void {
    this.connections.remove(connection);
  }
}
