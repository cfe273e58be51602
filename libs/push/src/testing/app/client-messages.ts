import type { ErrorReport, ServerMessage } from '../../protocol/messages.js';

/** An event, or a snapshot, as a client has received it. */
export interface ReceivedEvent<Data = unknown> {
  /** Empty on a route of the application's own, whose events are data alone. */
  readonly topic: string;
  /** `undefined` for ephemeral events. */
  readonly id: string | undefined;
  readonly type: string | undefined;
  readonly data: Data;
}

/** How a connection has ended. */
export interface ConnectionEnd {
  /** Why the server has ended it; `undefined` if it has not said. */
  readonly error: ErrorReport | undefined;
  /** In how many milliseconds the client should come back; `undefined` if it was not told to. */
  readonly delay: number | undefined;
  /** Of a WebSocket: 1006 if it was cut. */
  readonly closeCode: number | undefined;
}

/** Options of `PushTestClient.publish()`: see `publish` in PROTOCOL.md. */
export interface PublicationOptions {
  readonly type?: string;
  readonly messageId?: string;
  readonly tag?: string;
  readonly ephemeral?: boolean;
  readonly echo?: boolean;
  readonly expect?: string;
  readonly remove?: boolean;
}

/** The messages with this name. */
export type MessageNamed<Name extends ServerMessage['event'], Message = ServerMessage> = Message extends {
  readonly event: infer Event;
}
  ? Name extends Event
    ? Message
    : never
  : never;
