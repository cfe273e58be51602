import { logRefusal } from '../bus/debug-log.js';
import { PushError } from '../contracts/errors.js';
import type { SubscribeMessage } from './client-messages.js';
import type { Client } from './client.js';
import { errorMessage } from '../wire/websocket.messages.js';
import type { Door } from './door.js';

/* The answers of the message protocol (PROTOCOL.md), the same on every transport. */

/** The settings that `hello` announces. */
export interface ConversationSettings {
  /** Milliseconds between heartbeats. */
  readonly heartbeat: number;
  readonly websocket: { readonly maxMessageBytes: number; readonly maxTopics: number };
}

/** Sends the first message, `hello`. */
export function greet(client: Client, { heartbeat, websocket }: ConversationSettings, ref?: string): void {
  const { maxMessageBytes, maxTopics } = websocket;
  client.send({
    event: 'hello',
    data: {
      ref,
      connection: client.id,
      client: client.session.clientTokenOn(client.id),
      heartbeat,
      limits: { maxMessageBytes, maxTopics, maxInnerWildcards: client.session.limits.innerWildcards },
      expiresAt: client.session.expiresAt,
    },
  });
}

/**
 * Handles a `subscribe` message, and answers it with `subscribed` and `live`.
 *
 * @throws PushError `LIMIT_EXCEEDED`, and what `Door.subscribe` and `Client.read` throw
 */
export async function subscribe(
  client: Client,
  { topics, from, ref, repeat, snapshot }: SubscribeMessage,
  door: Door,
  { websocket }: ConversationSettings,
): Promise<void> {
  assertRoom(client, topics, websocket.maxTopics);
  await door.subscribe(client, topics, () => {
    const answer = (event: 'subscribed' | 'live') => (id: string, own: readonly string[]) =>
      client.send({ event, data: { ref, topics: own, id } });
    client.together(() => {
      client.read(topics, from || 'now', answer('subscribed'), {
        repeat,
        snapshot,
        onLive: answer('live'),
        onFailed: (error) => {
          logRefusal(error, client);
          client.send(errorMessage(error, ref));
        },
      });
    });
  });
}

function assertRoom({ topics: own = [] }: Client, topics: readonly string[], maxTopics: number): void {
  if (new Set([...own, ...topics]).size <= maxTopics) return;
  const advice = 'Unsubscribe from some first, or use a wildcard.';
  throw new PushError('LIMIT_EXCEEDED', `A connection may have ${maxTopics} topics. ${advice}`, {
    retryable: false,
  });
}
