import type { SubscribeOptions } from '../hub/replay/catch-up.js';

/** What a client is there with: it is a member of the topics that it reads (`TopicOptions.presence`). */
export interface Presentation {
  /** What others get to see of it: any JSON. Default: nothing. */
  readonly data?: unknown;
}

/** How a client reads topics. */
export interface ReadOptions extends SubscribeOptions {
  /** Whether the client is present in these topics, and with which data. Default: `true`. */
  readonly presence?: boolean | Presentation;
}

/** Is told when clients get topics, lose them, or leave. */
export interface ClientListener<Client> {
  /** The client reads these topics from now on, and is present in them. */
  subscribed(client: Client, topics: readonly string[], presentation: Presentation): void;
  /** The client is gone, and all of its messages have been handled. */
  left(client: Client): void;
  /** The client stays, and does not get these topics any more. */
  unsubscribed(client: Client, topics: readonly string[]): void;
}
