import { Inject, Injectable } from '@nestjs/common';
import { Clients } from './clients.js';
import type { ConnectionContext } from './hooks.js';

/** A client that is connected to this node. */
export interface ConnectedClient extends ConnectionContext {
  /**
   * The topics and patterns that it reads now. `undefined` for a stream that goes through a pipe of the application's
   * own: what it reads is not known.
   */
  readonly topics: readonly string[] | undefined;
}

/**
 * The clients that are connected to this node, to be injected. Other nodes have theirs: a list of all is what presence is
 * for.
 */
@Injectable()
export class PushClients {
  constructor(@Inject(Clients) private readonly clients: Clients) {}

  /** How many there are. */
  get size(): number {
    return this.clients.size;
  }

  /** All of them, as they are now: a copy, that costs a step for each client. */
  list(): ConnectedClient[] {
    return this.clients.all().map(({ id, transport, principal, topics }) => ({
      connection: id,
      transport,
      principal,
      topics,
    }));
  }
}
