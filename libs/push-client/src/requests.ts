import type { ClientMessage, ServerMessage, Subscribe } from './protocol/messages.js';
import type { Start } from './protocol/topics.js';

/** `subscribe` as this client says it, with all of its fields. */
export type SubscribeRequest = Required<Subscribe>;

/** What this client says. */
export type RequestMessage =
  | { readonly event: 'subscribe'; readonly data: SubscribeRequest }
  | Exclude<ClientMessage, { readonly event: 'subscribe' }>;

/** The first message of the server. */
export type GreetingMessage = Extract<ServerMessage, { readonly event: 'hello' }>;

/**
 * The id in `message` that its readers can resume from. A subscription from now on has one as soon as it has begun. With
 * others, what they begin with stands until something comes after it.
 */
export function positionIn({ event, data }: ServerMessage, from: Start | undefined): string | undefined {
  if (event === 'message' || event === 'gap' || event === 'heartbeat') return data.id;
  return event === 'subscribed' && from === 'now' ? data.id : undefined;
}
