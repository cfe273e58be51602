import type { Encodings } from './encodings.js';
import { isEnd } from './end.js';
import type { EventMeta } from './event-meta.js';
import { printPosition } from './position.js';

/** What an event has besides its position in the log. */
export interface EventContent {
  readonly topic: string;
  readonly type?: string;
  /** The payload as JSON text. */
  readonly data: string;
  /** The id of the client or the connection that does not get the event: its publisher, if it asked for no echo. */
  readonly except?: string;
  /** The publisher whose share of the memory the event takes. Default: it counts for no publisher. */
  readonly publisher?: string;
  /** Metadata that nodes get and clients do not. Not empty, and frozen, because nodes in one process share it. */
  readonly meta?: EventMeta;
}

/** An event to append: it has no position in the log yet. */
export interface Draft extends EventContent {
  /** Publishing the same message id again while it is remembered stores nothing. */
  readonly messageId?: string;
  /**
   * For a state topic: stores the event only if the topic's newest event has this id, or with `'none'` only if the topic
   * has no state: if it never had one, or if its newest event is a removal.
   */
  readonly expect?: string;
}

/** Bytes to write: a Buffer, or a text whose characters are a byte each (Latin-1). */
export type Bytes = Buffer | string;

/** The same as a Buffer. */
export function bufferOf(bytes: Bytes): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
}

/** The longest payload that is written as text. A longer one is not worth being written down twice for two readers. */
const longestText = 4_096;

/**
 * Encodes events for one kind of connection. Codecs are stateless singletons, compared by identity.
 *
 * The hub calls `encode` once for an event of one batch, and twice for one that several batches hold, as far as `form` remembers. It
 * calls `join` once for a batch, whatever the number of connections.
 */
export interface Codec {
  /**
   * Where encodings are kept for a while. Codecs that encode an event to the same bytes and differ only in `join` share
   * it.
   */
  readonly form: Encodings;
  /** MUST return a complete unit of the wire format: bytes of other units may come before and after it. */
  encode(event: LogEvent): Buffer;
  /** Makes one write of the encodings of several events, in order. MUST NOT change its input. */
  join(encodings: readonly Buffer[]): Buffer;
  /** The write of a single event, made in one go: what `join` would return for its encoding. */
  single(event: LogEvent): Bytes;
}

/**
 * An event in the log or, with sequence 0, an ephemeral event, which is not stored. Its content is immutable. It does not hold its encodings:
 * most events stay in memory long after they were sent to all clients.
 */
export class LogEvent implements EventContent {
  readonly topic: string;
  readonly type: string | undefined;
  readonly data: string;
  readonly except?: string;
  readonly publisher?: string;
  readonly meta?: EventMeta;
  /** Whether a batch has encoded it before. Only `Batch` changes it. */
  wasEncoded = false;

  constructor(
    readonly epoch: string,
    /** Its sequence in the log; 0 for an ephemeral event. */
    readonly sequence: number,
    content: EventContent,
    /** The same name as that of the content. Default: that one. */
    topic = content.topic,
  ) {
    this.topic = topic;
    this.type = content.type;
    this.data = content.data;
    this.except = content.except;
    this.publisher = content.publisher;
    this.meta = content.meta;
  }

  /** The event's id; `undefined` for an ephemeral event, because no client can resume from it. */
  get id(): string | undefined {
    return this.sequence === 0 ? undefined : printPosition(this);
  }
}

/** A connection that an event may except, by its id or its client's. */
type Named = { readonly id: string; readonly clientId?: string };

function isExcepted(excepted: ReadonlySet<string>, connection: Named): boolean {
  if (excepted.has(connection.id)) return true;
  const { clientId } = connection;
  return clientId !== undefined && excepted.has(clientId);
}

/** Makes something of a batch that many connections share, such as compressed bytes. */
export interface Derivation<Made extends object> {
  derive(batch: Batch): Made;
}

/** Events in log order that are handed to connections together: one write each, of the same bytes. */
export class Batch {
  /** Sequence of the first and of the last event in the log; infinite and 0 if all of them are ephemeral. */
  readonly first: number;
  readonly last: number;
  /** Whether one of the events ends its topic. */
  readonly hasEnds: boolean;
  /**
   * How many of the events each rule holds for, as pairs of the rule's index and a number; of a single event, its rule's index. The
   * first that counts it sets it.
   */
  tally: number | readonly number[] | undefined;
  /** Clients and connections that at least one of the events excepts; usually none. */
  private excepted: Set<string> | undefined;
  private wasText = false;
  private codec?: Codec;
  private joined?: Buffer;
  private otherJoined?: Map<Codec, Buffer>;
  private made?: Map<Derivation<object>, object>;

  constructor(readonly events: readonly LogEvent[]) {
    let first = Infinity;
    let last = 0;
    let hasEnds = false;
    for (const event of events) {
      const { sequence, except } = event;
      if (sequence > 0) {
        last = sequence;
        if (first === Infinity) first = sequence;
      }
      if (except !== undefined) (this.excepted ??= new Set()).add(except);
      if (isEnd(event)) hasEnds = true;
    }
    this.first = first;
    this.last = last;
    this.hasEnds = hasEnds;
  }

  /**
   * As `bytes`, for one who writes texts too. A short event alone is a text for the first who asks: most events are for one reader, and
   * to make a Buffer takes longer than to write the text. For all others there is a Buffer, which they share.
   */
  bytesOrText(codec: Codec): Bytes {
    const { events, wasText } = this;
    if (wasText || events.length > 1 || events[0]!.data.length > longestText) return this.bytes(codec);
    this.wasText = true;
    return codec.single(events[0]!);
  }

  bytes(codec: Codec): Buffer {
    if (this.codec === codec) return this.joined!;
    if (this.codec === undefined) {
      this.codec = codec;
      return (this.joined = this.join(codec));
    }
    this.otherJoined ??= new Map();
    let bytes = this.otherJoined.get(codec);
    if (!bytes) this.otherJoined.set(codec, (bytes = this.join(codec)));
    return bytes;
  }

  /** What `derivation` makes of the batch: once, for all who ask. */
  derived<Made extends object>(derivation: Derivation<Made>): Made {
    this.made ??= new Map();
    let made = this.made.get(derivation) as Made | undefined;
    if (!made) this.made.set(derivation, (made = derivation.derive(this)));
    return made;
  }

  /** The events that a connection still needs if it has all up to `sequence`: usually the batch itself. */
  partFor(connection: Named, sequence: number): Batch | undefined {
    if (this.first > sequence && !(this.excepted && isExcepted(this.excepted, connection))) return this;
    const { id } = connection;
    // Read once: for most connections the first read computes it.
    const clientId = this.excepted && connection.clientId;
    const had = this.events.findLastIndex((event) => event.sequence > 0 && event.sequence <= sequence);
    const events = this.events
      .slice(had + 1)
      .filter(({ except }) => except === undefined || (except !== id && except !== clientId));
    return events.length > 0 ? new Batch(events) : undefined;
  }

  private join(codec: Codec): Buffer {
    const { events } = this;
    // No other batch of a round has the same single event, so that its encoding need not be kept.
    if (events.length === 1) return bufferOf(codec.single(events[0]!));
    return codec.join(events.map((event) => encoded(event, codec)));
  }
}

/**
 * An event as a part of a batch. It is kept when it is encoded again: most events are in one batch, and what is kept lives for a while,
 * with its event, so that the garbage collector would copy them all.
 */
function encoded(event: LogEvent, codec: Codec): Buffer {
  if (!event.wasEncoded) {
    event.wasEncoded = true;
    return codec.encode(event);
  }
  const kept = codec.form.get(event);
  if (kept) return kept;
  const encoding = codec.encode(event);
  codec.form.add(event, encoding);
  return encoding;
}
