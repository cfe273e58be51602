import { Inject, Injectable } from '@nestjs/common';
import { ControlMessages } from '../bus/control-messages.js';
import { Backplane } from '../contracts/backplane.js';
import { assertPattern, isPattern } from '../contracts/topic.js';
import { Sessions } from './sessions.js';

/** A control message between nodes. */
type Order =
  | { readonly push: 'disconnect'; readonly user: string }
  | { readonly push: 'revoke'; readonly user: string; readonly pattern: string };

/**
 * Revokes rights of clients that are connected, on all nodes. Injectable.
 *
 * A revocation reaches the nodes that can be reached (control messages are delivered at most once). On a node that is cut off
 * from the others, a right ends with the principal's `expiresAt`. Change the right itself first: a client may reconnect or
 * subscribe again, and its rights are then checked again.
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
   * Ends all connections of a principal (WebSocket: 4401, SSE: `push.expired`), voids its tickets, and refuses connections that
   * are being authenticated. Messages that were received before are still handled, with the rights that hold by then.
   *
   * @throws PushError `UNAVAILABLE` if the other nodes could not be told; it holds on this node
   */
  disconnectUser(id: string): Promise<void> {
    return this.give({ push: 'disconnect', user: id });
  }

  /**
   * Ends the subscriptions of a principal that overlap `pattern`: `orders.*` ends when `orders.42` is revoked. WebSocket clients
   * are told by `revoked`. SSE streams end, and the rights are checked again when the client reconnects.
   *
   * @throws PushError `INVALID_TOPIC`; `UNAVAILABLE` if the other nodes could not be told; it holds on this node
   */
  async revoke(id: string, pattern: string): Promise<void> {
    assertPattern(pattern);
    await this.give({ push: 'revoke', user: id, pattern });
  }

  /** Handles a control message; ignores other messages. */
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
