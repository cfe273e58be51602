import type { LogEvent } from './event.js';

/**
 * How events look as bytes on one kind of connection. Codecs are stateless singletons, compared by identity.
 *
 * The hub calls `encode` once per event and `join` once per batch, whatever the number of connections.
 */
export interface Codec {
  /**
   * Key under which an event keeps its encoding. Codecs that encode an event to the same bytes and differ only in
   * `join` share it.
   */
  readonly form: symbol;
  /** MUST return a complete unit of the wire format: bytes of other units may come before and after it. */
  encode(event: LogEvent): Buffer;
  /** Makes one write of the encodings of several events, in order. MUST NOT change its input. */
  join(encodings: readonly Buffer[]): Buffer;
}
