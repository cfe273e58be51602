import type { Codec } from '../contracts/event.js';
import type { Dialect } from './dialect.js';
import { messageDialect } from './message.dialect.js';
import {
  chunk,
  chunkedSseCodec,
  chunkedSseEnvelopeCodec,
  chunkedSseMessageCodec,
  sseCodec,
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
    error: sseError,
    drain: (delay) => sseOpening(delay),
  });
  const messages: SseDialect = { ...messageDialect(sseMessageCodec, sseMessage), opening: sseOpening };
  return {
    plain: framings(blocks(sseCodec), chunkedSseCodec),
    enveloped: framings(blocks(sseEnvelopeCodec), chunkedSseEnvelopeCodec),
    messages: framings(messages, chunkedSseMessageCodec),
  };
}

function framings(whole: SseDialect, events: Codec): Framings {
  const { gap, heartbeat, error, drain, opening, revoked, message } = whole;
  const chunked: SseDialect = {
    events,
    gap: inChunk(gap),
    heartbeat: inChunk(heartbeat),
    error: inChunk(error),
    drain: inChunk(drain),
    opening: inChunk(opening),
    ...(revoked && { revoked: inChunk(revoked) }),
    ...(message && { message: inChunk(message) }),
  };
  return { whole, chunked };
}

function inChunk<Args extends unknown[]>(encode: (...args: Args) => Buffer): (...args: Args) => Buffer {
  return (...args) => chunk([encode(...args)]);
}
