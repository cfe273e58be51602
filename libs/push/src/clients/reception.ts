import type { ClientConnection } from './client-connection.js';
import type { ClientConnections } from './client-connections.js';
import type { ConnectionContext, Hooks } from './hooks.js';
import type { PushLifecycle } from './lifecycle.js';
import type { LogGate } from './log-gate.js';
import type { Turnstile } from './turnstile.js';

/** Where clients come in and go out, for all transports. */
export class Reception {
  constructor(
    private readonly lifecycle: PushLifecycle,
    private readonly turnstile: Turnstile,
    private readonly log: LogGate,
    private readonly connections: ClientConnections,
    private readonly hooks: Hooks,
  ) {}

  /** Whether the server is on its way out. */
  get isDraining(): boolean {
    return this.lifecycle.isDraining;
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
    this.lifecycle.assertOpen();
    return this.turnstile.pass();
  }

  /** Before something is done that a client asked for. Returns a promise if it has to wait for its turn. */
  turn(): Promise<void> | undefined {
    return this.turnstile.pass();
  }

  /** @throws PushError `CLOSED` if the server is shutting down */
  assertOpen(): void {
    this.lifecycle.assertOpen();
  }

  /**
   * Before a client is told that it is connected: a stream can begin only where the log is known. Returns a promise if it has
   * to wait for that.
   *
   * @throws PushError (the promise rejects) `UNAVAILABLE` if it would wait too long, `CLOSED` if the server begins to shut down
   */
  reached(): Promise<void> | undefined {
    return this.log.pass();
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

  /** Runs what a request has asked for, to its end, even if its client is gone. Shutdown waits for it, within its time. */
  during<T>(run: () => Promise<T>): Promise<T> {
    return this.connections.during(run);
  }

  arrived(connection: ClientConnection): void {
    this.connections.add(connection);
  }

  /** Idempotent. */
  left(connection: ClientConnection): void {
    this.connections.remove(connection);
  }
}
