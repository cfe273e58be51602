import type { Codec, LogEvent } from '../contracts/event.js';
import type { GapNotice } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import { endOf, type End } from '../contracts/end.js';
import { shownTraceparent } from '../contracts/event-meta.js';
import { isSnapshot } from '../contracts/snapshot.js';
import { isRemoval } from '../contracts/state.js';
import { codecOf, isAscii } from './codec.js';
import { bringsEvent, endMessageText, messageText, quotedTopic } from './websocket.codec.js';
import type { ServerMessage } from './websocket.messages.js';

/*
 * Server-sent events (HTML standard, section 9.2 "Server-sent events"; PROTOCOL.md "SSE").
 * A block is fields, one a line, and an empty line. Types, ids and topics cannot hold line breaks: publish checks them.
 */

const hex = '0123456789abcdef';

/** The length of CRLF. */
const lineEnd = 2;

/** The `data:` of an event on a stream without envelope: a string as it is, anything else as JSON. */
export function plainData(json: string): string {
  return json.charCodeAt(0) === 0x22 ? (JSON.parse(json) as string) : json;
}

/** The same as a field. JSON is on one line, but a string may have several. */
function plainField(json: string): string {
  return json.charCodeAt(0) === 0x22 ? field('data', plainData(json)) : `data: ${json}\n`;
}

/** The `data:` of an event on a stream with envelope. */
export function envelopedData(event: LogEvent): string {
  return `{"topic":${quotedTopic(event.topic)},"data":${event.data}}`;
}

/** @param data its field of this name */
function block(event: LogEvent, data: string): string {
  const type = event.type === undefined ? '' : `event: ${event.type}\n`;
  const id = event.sequence === 0 ? '' : `id: ${event.id}\n`;
  const end = endOf(event);
  if (end) {
    const own = end.data === 'event' ? `${type}${id}${traceField(event)}${data}\n` : '';
    return `${own}event: push.ended\n${id}data: ${endText(event, end)}\n\n`;
  }
  if (isSnapshot(event)) return `event: push.snapshot\n${id}data: ${envelopedData(event)}\n\n`;
  if (isRemoval(event)) return `event: push.removed\n${id}data: {"topic":${quotedTopic(event.topic)}}\n\n`;
  return `${type}${id}${traceField(event)}${data}\n`;
}

/** A field that the standard tells an `EventSource` to ignore. */
function traceField(event: LogEvent): string {
  const traceparent = shownTraceparent(event);
  return traceparent === undefined ? '' : `traceparent: ${traceparent}\n`;
}

/** What a client is told of the end of a topic. */
function endText({ topic }: LogEvent, { reason }: End): string {
  return JSON.stringify({ topic, reason });
}

/** One `data:` line for each line of the value: the standard joins them with LF again. */
function field(name: string, value: string): string {
  if (!/[\r\n]/.test(value)) return `${name}: ${value}\n`;
  const lines = value.split(/\r\n|\r|\n/);
  return lines.map((line) => `${name}: ${line}\n`).join('');
}

/** As a chunk of a chunked HTTP/1.1 body (RFC 9112, section 7.1), for a socket that is written to directly. */
export function chunk(blocks: readonly Buffer[]): Buffer {
  let length = 0;
  for (const block of blocks) length += block.length;
  const bytes = chunkOf(length);
  let at = bytes.length - lineEnd - length;
  for (const block of blocks) at += block.copy(bytes, at);
  return bytes;
}

/** The same as a text, which has so many bytes. */
function chunkText(blocks: string, length: number): string {
  return `${length.toString(16)}\r\n${blocks}\r\n`;
}

/** A chunk of so many bytes, which are not set: its head and its end. Byte by byte, since a call of native code costs more. */
function chunkOf(length: number): Buffer {
  let digits = 1;
  for (let rest = length >>> 4; rest > 0; rest >>>= 4) digits++;
  const bytes = Buffer.allocUnsafe(digits + lineEnd + length + lineEnd);
  for (let at = digits - 1, rest = length; at >= 0; at--, rest >>>= 4) bytes[at] = hex.charCodeAt(rest & 15);
  endLine(bytes, digits);
  endLine(bytes, bytes.length - lineEnd);
  return bytes;
}

function endLine(bytes: Buffer, at: number): void {
  bytes[at] = 0x0d;
  bytes[at + 1] = 0x0a;
}

/** A codec of blocks, and one of the same blocks in chunks of a chunked body. */
export function codecs(blockOf: (event: LogEvent) => string): { whole: Codec; chunked: Codec } {
  const whole = codecOf((event) => Buffer.from(blockOf(event)));
  const single = (event: LogEvent) => {
    const text = blockOf(event);
    const ascii = chunkText(text, text.length);
    return isAscii(ascii) ? ascii : Buffer.from(chunkText(text, Buffer.byteLength(text)));
  };
  return {
    whole,
    chunked: { form: whole.form, encode: whole.encode, join: chunk, single },
  };
}

/** The event as Nest would write it: type, id, data. */
export const { whole: sseCodec, chunked: chunkedSseCodec } = codecs((event) =>
  block(event, plainField(event.data)),
);

/** The data in an envelope that names the topic, for streams of several topics. */
export const { whole: sseEnvelopeCodec, chunked: chunkedSseEnvelopeCodec } = codecs((event) =>
  block(event, `data: ${envelopedData(event)}\n`),
);

/** The event as the message that a WebSocket would carry: PROTOCOL.md "Messages over HTTP". JSON has no line breaks. */
export const { whole: sseMessageCodec, chunked: chunkedSseMessageCodec } = codecs((event) => {
  const message = `data: ${messageText(event)}\n\n`;
  return bringsEvent(event) ? `${message}data: ${endMessageText(event)}\n\n` : message;
});

/** Any other message of the server. */
export function sseMessage(message: ServerMessage): Buffer {
  return Buffer.from(`data: ${JSON.stringify(message)}\n\n`);
}

/**
 * The first block of a stream: the milliseconds to wait before reconnecting, and the id at which the stream starts. With an id it is
 * an event: many clients, Firefox among them, take no id from a block without data.
 */
export function sseOpening(retry: number, id?: string): Buffer {
  const start = id === undefined ? '' : `event: push.start\nid: ${id}\ndata: ${JSON.stringify({ id })}\n`;
  return Buffer.from(`retry: ${retry}\n${start}\n`);
}

/** `event: push.gap`. Its id is the position after the gap, from which the stream continues. */
export function sseGap({ reason, topics, id, reset, snapshot }: GapNotice): Buffer {
  const data = JSON.stringify({ reason, topics, id, reset, snapshot });
  return Buffer.from(`event: push.gap\nid: ${id}\ndata: ${data}\n\n`);
}

/** The last event id of a stream that must not be resumed. */
export const endOfStream = 'push.end';

/**
 * `event: push.end`, the last block of a stream all of whose topics have ended: a client that comes back with its id is answered 204.
 * It has data so that every client takes the id.
 */
export function sseEnd(): Buffer {
  return Buffer.from(`event: push.end\nid: ${endOfStream}\ndata: {}\n\n`);
}

/**
 * A sign of life, which moves `Last-Event-ID` if it has an id. A comment dispatches nothing. A client that takes no id from a block
 * without data keeps the id before it, from which it loses nothing.
 */
export function sseHeartbeat(form: 'comment' | 'event', id?: string): Buffer {
  const idField = id === undefined ? '' : `id: ${id}\n`;
  const data = JSON.stringify({ id });
  return Buffer.from(
    form === 'event' ? `event: push.heartbeat\n${idField}data: ${data}\n\n` : `:\n${idField}\n`,
  );
}

/** What a client is told of an error. */
export function errorReport({ code, message, retryable }: PushError): {
  code: string;
  message: string;
  retryable: boolean;
} {
  return { code, message, retryable };
}

/**
 * `event: push.error`, before the stream ends; `push.expired` if it ends because the client is no longer authenticated.
 * After an error that a retry cannot mend, the last event id is `endOfStream`, with which a client is not served again. `FORBIDDEN`
 * does not set it: rights may change, so a client that comes back is checked again.
 */
export function sseError(error: PushError): Buffer {
  const type = error.code === 'UNAUTHENTICATED' ? 'push.expired' : 'push.error';
  const isForGood = !error.retryable && type === 'push.error' && error.code !== 'FORBIDDEN';
  const id = isForGood ? `id: ${endOfStream}\n` : '';
  return Buffer.from(`event: ${type}\n${id}data: ${JSON.stringify(errorReport(error))}\n\n`);
}

/** The answer to a client that gets no stream: the milliseconds after which to reconnect, and the reason. */
export function sseRefusal(error: PushError, retry: number): Buffer {
  return Buffer.concat([sseOpening(retry), sseError(error)]);
}
