import type { ClientMessage, ServerMessage, Subscribe } from './protocol/messages.js';
import type { Start } from './protocol/topics.js';

/** `subscribe` as this client sends it, with all fields. */
export type SubscribeRequest = Required<Omit<Subscribe, 'snapshot'>> & Pick<Subscribe, 'snapshot'>;

/** The messages that this client sends. */
export type RequestMessage =
  | { readonly event: 'subscribe'; readonly data: SubscribeRequest }
  | Exclude<ClientMessage, { readonly event: 'subscribe' }>;

/** The server's first message. */
export type GreetingMessage = Extract<ServerMessage, { readonly event: 'hello' }>;

/**
 * The id in `message` that its readers can resume from. A subscription from `now` can resume from where it began. One with
 * another start keeps that start until its first event arrives.
 */
export function positionIn({ event, data }: ServerMessage, from: Start | undefined): string | undefined {
  // Answers have a `ref`. Their ids are not those of the stream.
  if ('ref' in data && (event !== 'subscribed' || from !== 'now')) return undefined;
  return (data as { readonly id?: string }).id;
}
