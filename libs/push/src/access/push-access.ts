import { Inject, Injectable } from '@nestjs/common';
import { ControlMessages } from '../bus/control-messages.js';
import { Backplane } from '../contracts/backplane.js';
import { assertPattern, isPattern } from '../contracts/topic.js';
import { Sessions } from './sessions.js';

/** What nodes tell each other. */
type Order =
  | { readonly push: 'disconnect'; readonly user: string }
  | { readonly push: 'revoke'; readonly user: string; readonly pattern: string };

/**
 * Takes rights back from clients that are connected, on all nodes. Injectable.
 *
 * The order reaches the nodes that can be reached (control messages are delivered at most once); for a node that is cut
 * off from the others, a principal's `expiresAt` is the bound. Change the right itself first: a client may come back, or
 * ask again, and is then decided about anew.
 */
@Injectable()
export class PushAccess {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Backplane) private readonly backplane: Pick<Backplane, 'control'>,
    @Inject(ControlMessages) control: ControlMessages,
  ) {
    control.listen((message) => this.receive(message));
  }

  /**
   * Ends all connections of a principal (WebSocket: 4401, SSE: `push.expired`), voids its tickets, and refuses those that
   * were being authenticated meanwhile. Messages that had been received before are still handled, as policies decide by then.
   *
   * @throws PushError `UNAVAILABLE` if only this node could be told
   */
  disconnectUser(id: string): Promise<void> {
    return this.give({ push: 'disconnect', user: id });
  }

  /**
   * Takes away what a principal's connections get of `pattern`. A subscription is given up if it shares a topic with it:
   * `orders.*` ends when `orders.42` is revoked. WebSocket clients are told by `revoked`; SSE streams end, and are decided
   * about anew when the client comes back.
   *
   * @throws PushError `INVALID_TOPIC`; `UNAVAILABLE` if only this node could be told
   */
  async revoke(id: string, pattern: string): Promise<void> {
    assertPattern(pattern);
    await this.give({ push: 'revoke', user: id, pattern });
  }

  /** Takes a control message; those that are not for it are ignored. */
  private receive(message: string): void {
    const order = parse(message);
    if (typeof order?.user !== 'string') return;
    if (order.push === 'disconnect') this.sessions.disconnect(order.user);
    else if (order.push === 'revoke' && isPattern(order.pattern))
      this.sessions.revoke(order.user, order.pattern);
  }

  private async give(order: Order): Promise<void> {
    const message = JSON.stringify(order);
    try {
      await this.backplane.control(message);
    } catch (error) {
      this.receive(message);
      throw error;
    }
  }
}

function parse(message: string): Partial<Order> | undefined {
  try {
    return JSON.parse(message) as Partial<Order> | undefined;
  } catch {
    return undefined;
  }
}
