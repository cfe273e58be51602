import { Inject, Injectable } from '@nestjs/common';
import { Clients } from './clients.js';
import type { ConnectionContext } from './hooks.js';

/** A client that is connected to this node. */
export interface ConnectedClient extends ConnectionContext {
  /**
   * The topics and patterns that it reads now. `undefined` for a stream that goes through the application's own pipe: push
   * does not know what such a stream reads.
   */
  readonly topics: readonly string[] | undefined;
}

/**
 * The clients that are connected to this node. Inject it where you need them. It does not know the clients of other nodes:
 * use `EventBus.presence()` for those.
 */
@Injectable()
export class PushClients {
  constructor(@Inject(Clients) private readonly clients: Clients) {}

  /** The number of clients. */
  get size(): number {
    return this.clients.size;
  }

  /** Returns all clients, as they are now. The list is a copy, so the cost grows with the number of clients. */
  list(): ConnectedClient[] {
    return this.clients.all().map(({ id, transport, principal, topics }) => ({
      connection: id,
      transport,
      principal,
      topics,
    }));
  }
}
