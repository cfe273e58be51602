import type { ServerMessage } from '../wire/websocket.messages.js';
import { Watched } from './watched.js';

/** What the suite has a client of the transport ask for. */
export interface TransportRequest {
  readonly topics: readonly string[];
  /** For `Authorization: Bearer`. Default: none is sent. */
  readonly token?: string;
  /** Where the client begins: `earliest`, or the id after which. Default: it reads what comes. */
  readonly from?: string;
  /** More headers of the request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the messages of this name say. */
type DataOf<Name, Message = ServerMessage> = Message extends {
  readonly event: infer Event;
  readonly data: infer Data;
}
  ? Name extends Event
    ? Data
    : never
  : never;

/**
 * A client of the transport that is tested, over a real connection: it says what it is told in the messages of PROTOCOL.md,
 * whatever they look like on the wire. Extend it, and call `tell`, `refuse` and `end`.
 *
 * Once the client reads, it has to be told `subscribed`: what is published from then on has to reach it.
 */
export abstract class TransportClient extends Watched {
  /** What it was told, in order. */
  readonly told: ServerMessage[] = [];
  /** The code of the `PushError` with which it was refused: a transport says it in its own way, by a status for instance. */
  refusal: string | undefined;
  /** Whether its connection is over, whoever has ended it. */
  hasEnded = false;

  /** Stops reading from the connection: what comes stays with the kernels. */
  abstract pause(): void;
  /** Reads on. */
  abstract resume(): void;
  /** Ends the connection as a client does that has had enough. */
  abstract leave(): void;
  /** Destroys its socket without a word, in whatever state the connection is. Idempotent. */
  abstract vanish(): void;

  /** Whether it reads: what is published now reaches it. */
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

  /** What the messages of this name say. @internal */
  all<Name extends ServerMessage['event']>(name: Name): DataOf<Name>[] {
    return this.told.filter(({ event }) => event === name).map(({ data }) => data as DataOf<Name>);
  }

  /** It was told something. */
  protected tell(message: ServerMessage): void {
    this.told.push(message);
    this.changed();
  }

  /** It was not let in, or not granted what it asked for. @param code of the `PushError` */
  protected refuse(code: string): void {
    this.refusal = code;
    this.changed();
  }

  /** Its connection is over. */
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
