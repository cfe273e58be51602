import type { SubscribeMessage } from '../../clients/client-messages.js';

/** The subscriptions that `POST <path>/events` asks for, as its handler returns them. */
export class MessageStream {
  constructor(readonly asked: readonly SubscribeMessage[]) {}
}
