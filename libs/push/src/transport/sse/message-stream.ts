import type { SubscribeMessage } from '../../clients/client-messages.js';

/** What a client of messages asks for, as its handler returns it. */
export class MessageStream {
  constructor(readonly asked: readonly SubscribeMessage[]) {}
}
