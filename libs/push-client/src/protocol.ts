/* What goes over the wire: PROTOCOL.md of nestjs-push. */

/** Where a subscription begins: `now`, `last`, `earliest`, or an event's id. */
export type Start = 'now' | 'last' | 'earliest' | (string & {});

/** Why events are missing: PROTOCOL.md, "Gap notices". */
export interface GapNotice {
  readonly reason: 'malformed' | 'epoch' | 'future' | 'evicted' | 'slow';
  /** The topics and patterns concerned, as they were subscribed to. */
  readonly topics: readonly string[];
  /** The position that the stream goes on from. */
  readonly id: string;
}

/** An event. */
export interface PushEvent<Data = unknown> {
  readonly topic: string;
  /** Its place in the log; ephemeral events have none. */
  readonly id?: string;
  readonly type?: string;
  readonly data: Data;
}

/** What the server says of itself. */
export interface Greeting {
  /** The connection's id. */
  readonly connection: string;
  /** By this the next connections are of the same client. Older servers have none. */
  readonly client?: string;
  /** Milliseconds between heartbeats. */
  readonly heartbeat: number;
  readonly limits: { readonly maxMessageBytes: number };
  /** When the client stops being authenticated, in milliseconds since 1970. */
  readonly expiresAt?: number;
}

export interface Subscribe {
  readonly topics: readonly string[];
  readonly from: Start;
  readonly repeat: true;
  readonly ref: string;
}

export interface Publish {
  readonly topic: string;
  readonly data: unknown;
  readonly type?: string;
  readonly messageId: string;
  readonly ephemeral?: boolean;
  readonly echo?: boolean;
  /** Over HTTP: the connection that `echo` is about. */
  readonly connection?: string;
  readonly ref: string;
}

/** What a client says. */
export type ClientMessage =
  | { readonly event: 'subscribe'; readonly data: Subscribe }
  | { readonly event: 'unsubscribe'; readonly data: { readonly topics: readonly string[] } }
  | { readonly event: 'publish'; readonly data: Publish }
  | { readonly event: 'authenticate' | 'refresh'; readonly data: { readonly token: string } };

interface Answer {
  readonly ref?: string;
}

/** The first thing that the server says. */
export interface GreetingMessage {
  readonly event: 'hello';
  readonly data: Greeting;
}

/** What the server says, as far as this client listens. */
export type ServerMessage =
  | GreetingMessage
  | { readonly event: 'refreshed'; readonly data: Partial<Greeting> }
  | { readonly event: 'subscribed' | 'live'; readonly data: Answer & { readonly id: string } }
  | { readonly event: 'message'; readonly data: PushEvent }
  | { readonly event: 'gap'; readonly data: GapNotice }
  | { readonly event: 'heartbeat'; readonly data: { readonly id?: string } }
  | { readonly event: 'published'; readonly data: Answer & { readonly id?: string } }
  | {
      readonly event: 'revoked';
      readonly data: { readonly topics: readonly string[]; readonly retryable?: true };
    }
  | { readonly event: 'drain'; readonly data: { readonly delay: number } }
  | {
      readonly event: 'error';
      readonly data: Answer & {
        readonly code: string;
        readonly message: string;
        readonly retryable: boolean;
        readonly details?: readonly string[];
      };
    };

/**
 * The id in `message` that whoever it is for can resume from. A subscription from now on has one as soon as it has begun;
 * with others, what they begin with stands until there is something behind it.
 */
export function positionIn({ event, data }: ServerMessage, from: Start | undefined): string | undefined {
  if (event === 'message' || event === 'gap' || event === 'heartbeat') return data.id;
  return event === 'subscribed' && from === 'now' ? data.id : undefined;
}
