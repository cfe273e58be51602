import type { ServerMessage } from '../wire/websocket.messages.js';
import { Watched } from './watched.js';

/** The request of a client of the suite. */
export interface TransportRequest {
  readonly topics: readonly string[];
  /** For `Authorization: Bearer`. Default: none is sent. */
  readonly token?: string;
  /** Where the client begins: `earliest`, or the id of the last event before its first one. Default: it reads new events only. */
  readonly from?: string;
  /** More headers of the request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The data of the messages with this name. */
type DataOf<Name, Message = ServerMessage> = Message extends {
  readonly event: infer Event;
  readonly data: infer Data;
}
  ? Name extends Event
    ? Data
    : never
  : never;

/**
 * A client of the transport under test, over a real connection. It translates what it receives into the messages of
 * PROTOCOL.md, whatever the wire format is. Extend it, and call `tell`, `refuse` and `end`.
 *
 * Tell it `subscribed` as soon as the client reads: all events that are published after that have to reach it.
 */
export abstract class TransportClient extends Watched {
  /** The messages that it received, in order. */
  readonly told: ServerMessage[] = [];
  /** The code of the `PushError` that refused it. A transport may send it in its own way, for example as a status. */
  refusal: string | undefined;
  /** Whether its connection is over, no matter which side ended it. */
  hasEnded = false;

  /** Stops reading from the connection, so that bytes stay in the socket buffers of the kernel. */
  abstract pause(): void;
  /** Starts reading again. */
  abstract resume(): void;
  /** Closes the connection in the regular way. */
  abstract leave(): void;
  /** Destroys its socket without closing the connection, in any state. Idempotent. */
  abstract vanish(): void;

  /** Whether it reads, so that events published now reach it. */
  get hasBegun(): boolean {
    return this.told.some(({ event }) => event === 'subscribed');
  }

  /** The payloads of its events, in order. */
  get data(): unknown[] {
    return this.all('message').map(({ data }) => data);
  }

  /** The id that it would resume from. */
  get lastId(): string | undefined {
    const ids = this.told.map(({ data }) => (data as { readonly id?: string }).id);
    return ids.findLast((id) => id !== undefined);
  }

  /** Why it was refused, or why its connection has ended: a code of `PushError`. */
  get failure(): string | undefined {
    return this.refusal ?? this.all('error').at(-1)?.code;
  }

  /** The data of the messages with this name. @internal */
  all<Name extends ServerMessage['event']>(name: Name): DataOf<Name>[] {
    return this.told.filter(({ event }) => event === name).map(({ data }) => data as DataOf<Name>);
  }

  /** Records a message that the client received. */
  protected tell(message: ServerMessage): void {
    this.told.push(message);
    this.changed();
  }

  /** Records that the client was refused. @param code of the `PushError` */
  protected refuse(code: string): void {
    this.refusal = code;
    this.changed();
  }

  /** Records that its connection is over. */
  protected end(): void {
    this.hasEnded = true;
    this.changed();
  }

  protected describe(): string {
    const names = this.told.map(({ event }) => event);
    const rest = names.length > 40 ? ['…', ...names.slice(-20)] : [];
    const { refusal, hasEnded, failure } = this;
    return JSON.stringify({ told: [...names.slice(0, 40), ...rest], refusal, failure, hasEnded });
  }
}
