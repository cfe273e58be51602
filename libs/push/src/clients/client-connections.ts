import { logConnected, logDisconnected } from '../bus/debug-log.js';
import type { ClientConnection } from './client-connection.js';
import type { Hooks } from './hooks.js';

/** All clients of this node, whatever carries them. */
export class ClientConnections {
  private readonly connections = new Set<ClientConnection>();
  /** What is done for requests, whose clients may not wait for it. */
  private errands = 0;
  private emptied: (() => void)[] = [];

  constructor(private readonly hooks: Hooks) {}

  get size(): number {
    return this.connections.size;
  }

  all(): ClientConnection[] {
    return [...this.connections];
  }

  /** Whether `test` holds for any of them. */
  some(test: (connection: ClientConnection) => boolean): boolean {
    for (const connection of this.connections) if (test(connection)) return true;
    return false;
  }

  add(connection: ClientConnection): void {
    this.connections.add(connection);
    logConnected(connection);
  }

  /** Takes an ended connection out, and tells the hooks. Idempotent. */
  remove(connection: ClientConnection): void {
    if (!this.connections.delete(connection)) return;
    const { id, transport, principal, reason } = connection;
    logDisconnected(connection, reason);
    this.hooks.disconnect({ connection: id, transport, principal, reason });
    this.look();
  }

  /** Runs what a request has asked for: it is awaited like a connection, although its client may be gone. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.errands++;
    try {
      return await run();
    } finally {
      this.errands--;
      this.look();
    }
  }

  /** Resolves once nobody is connected, and nothing that they have asked for is under way. */
  whenEmpty(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }

  private get isEmpty(): boolean {
    return this.connections.size === 0 && this.errands === 0;
  }

  private look(): void {
    if (!this.isEmpty) return;
    this.emptied.forEach((resolve) => resolve());
    this.emptied = [];
  }

  /** Resolves once the hooks of those that have left have finished. */
  seenOff(): Promise<void> {
    return this.hooks.settled();
  }
}
