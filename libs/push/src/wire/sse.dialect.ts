import type { Codec, LogEvent } from '../contracts/event.js';
import type { Dialect } from './dialect.js';
import { messageDialect } from './message.dialect.js';
import {
  chunk,
  chunkedSseCodec,
  chunkedSseEnvelopeCodec,
  chunkedSseMessageCodec,
  codecs,
  sseCodec,
  sseEnd,
  sseEnvelopeCodec,
  sseError,
  sseGap,
  sseHeartbeat,
  sseMessage,
  sseMessageCodec,
  sseOpening,
} from './sse.codec.js';

/** A dialect of server-sent events. */
export interface SseDialect extends Dialect {
  /** The first block. @param retry milliseconds to wait before coming back @param id where a stream that starts now starts */
  opening(retry: number, id?: string): Buffer;
}

/** A dialect in plain blocks, and in chunks of a chunked body (RFC 9112, section 7.1) for a socket that is written to directly. */
export interface Framings {
  readonly whole: SseDialect;
  readonly chunked: SseDialect;
}

/** The dialects of server-sent events. */
export interface SseDialects {
  /** Events as `EventSource` dispatches them: type, id, data. */
  readonly plain: Framings;
  /** The same, with data that names the topic. */
  readonly enveloped: Framings;
  /** The messages that a WebSocket would carry. */
  readonly messages: Framings;
}

/** @param form of heartbeats; see `SseOptions.heartbeat` */
export function sseDialects(form: 'comment' | 'event'): SseDialects {
  const blocks = (events: Codec): SseDialect => ({
    events,
    opening: sseOpening,
    gap: sseGap,
    heartbeat: (position) => sseHeartbeat(form, position),
    countsHeartbeats: form === 'event',
    error: sseError,
    drain: (delay) => sseOpening(delay),
    ended: sseEnd,
  });
  const messages: SseDialect = { ...messageDialect(sseMessageCodec, sseMessage), opening: sseOpening };
  return {
    plain: framings(blocks(sseCodec), chunkedSseCodec),
    enveloped: framings(blocks(sseEnvelopeCodec), chunkedSseEnvelopeCodec),
    messages: framings(messages, chunkedSseMessageCodec),
  };
}

/**
 * A dialect of server-sent events with blocks of its own, in both framings.
 *
 * @param blockOf writes an event down as whole blocks; never as nothing
 */
export function sseFramings(
  blockOf: (event: LogEvent) => string,
  rest: Omit<SseDialect, 'events'>,
): Framings {
  const { whole, chunked } = codecs(blockOf);
  return framings({ ...rest, events: whole }, chunked);
}

function framings(whole: SseDialect, events: Codec): Framings {
  const { gap, heartbeat, countsHeartbeats, error, drain, reconnects, opening, ended, revoked, message } =
    whole;
  const chunked: SseDialect = {
    events,
    reconnects,
    countsHeartbeats,
    gap: inChunk(gap),
    heartbeat: inChunk(heartbeat),
    error: inChunk(error),
    drain: inChunk(drain),
    opening: inChunk(opening),
    ...(ended && { ended: inChunk(ended) }),
    ...(revoked && { revoked: inChunk(revoked) }),
    ...(message && { message: inChunk(message) }),
  };
  return { whole, chunked };
}

function inChunk<Args extends unknown[]>(encode: (...args: Args) => Buffer): (...args: Args) => Buffer {
  return (...args) => chunk([encode(...args)]);
}
