import type { ClientConnection } from './client-connection.js';
import type { Hooks } from './hooks.js';

/** All clients of this node, whatever carries them. */
export class ClientConnections {
  private readonly connections = new Set<ClientConnection>();
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
  }

  /** Takes an ended connection out, and tells the hooks. Idempotent. */
  remove(connection: ClientConnection): void {
    if (!this.connections.delete(connection)) return;
    const { id, transport, principal, reason } = connection;
    this.hooks.disconnect({ connection: id, transport, principal, reason });
    if (this.connections.size > 0) return;
    this.emptied.forEach((resolve) => resolve());
    this.emptied = [];
  }

  /** Resolves once the hooks of those that have left have finished. */
  seenOff(): Promise<void> {
    return this.hooks.settled();
  }

  /** Resolves once nobody is connected. */
  whenEmpty(): Promise<void> {
    if (this.connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }
}
