import type { LogEvent } from '../contracts/event.js';
import { endOf, isEnd } from '../contracts/end.js';
import { shownTraceparent, tagOf } from '../contracts/event-meta.js';
import { isSnapshot } from '../contracts/snapshot.js';
import { isRemoval } from '../contracts/state.js';
import { codecOf, isAscii } from './codec.js';

/*
 * WebSocket messages as whole frames (RFC 6455, section 5.2), so that one buffer serves all connections. Frames from the
 * server are not masked; an event is one unfragmented text frame.
 */

/** FIN and the opcode of a text frame. */
const textFrame = 0x81;

/** A text frame that carries `text`. */
export function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(headerLength + length);
  bytes[0] = textFrame;
  if (headerLength === 2) bytes[1] = length;
  else if (headerLength === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.write(text, headerLength);
  return bytes;
}

/** The same as a text in Latin-1, for ASCII of less than 65,536 characters. */
function asciiFrame(text: string): string {
  const { length } = text;
  if (length < 126) return String.fromCharCode(textFrame, length) + text;
  return String.fromCharCode(textFrame, 126, length >>> 8, length & 0xff) + text;
}

/** Whether an event that ends its topic is a message besides. */
export function bringsEvent(event: LogEvent): boolean {
  return isEnd(event) && endOf(event)!.data === 'event';
}

/** `{"event":"ended","data":{…}}` of an event that ends its topic. */
export function endMessageText(event: LogEvent): string {
  const { topic, id } = event;
  return JSON.stringify({ event: 'ended', data: { topic, id, reason: endOf(event)!.reason } });
}

/**
 * `{"event":"message","data":{…}}`, or `removed`, `snapshot` or `ended`; `id` and `type` only where the event has them. Of an end that
 * is a message besides, it is the message.
 */
export function messageText(event: LogEvent): string {
  if (isEnd(event) && !bringsEvent(event)) return endMessageText(event);
  if (isRemoval(event)) {
    const id = event.sequence === 0 ? '' : `,"id":"${event.id}"`;
    return `{"event":"removed","data":{"topic":${quotedTopic(event.topic)}${id}}}`;
  }
  return `{"event":"${isSnapshot(event) ? 'snapshot' : 'message'}","data":${eventText(event)}}`;
}

/** A topic as JSON. Its characters are visible ASCII, of which JSON escapes two. */
export function quotedTopic(topic: string): string {
  return /["\\]/.test(topic) ? JSON.stringify(topic) : `"${topic}"`;
}

/** `{"topic":…,"data":…}`, with `id`, `type`, `tag` and `traceparent` only where the event has them. */
export function eventText(event: LogEvent): string {
  const id = event.sequence === 0 ? '' : `,"id":"${event.id}"`;
  const type = event.type === undefined ? '' : `,"type":${JSON.stringify(event.type)}`;
  const name = tagOf(event);
  const tag = name === undefined ? '' : `,"tag":${JSON.stringify(name)}`;
  const traceparent = shownTraceparent(event);
  const trace = traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(traceparent)}`;
  return `{"topic":${quotedTopic(event.topic)}${id}${type}${tag}${trace},"data":${event.data}}`;
}

/** An event as a text frame. */
export const websocketCodec = codecOf(
  (event) => {
    const message = frame(messageText(event));
    return bringsEvent(event) ? Buffer.concat([message, frame(endMessageText(event))]) : message;
  },
  (event) => {
    if (bringsEvent(event)) return websocketCodec.encode(event);
    const text = messageText(event);
    return text.length < 65_536 && isAscii(text) ? asciiFrame(text) : frame(text);
  },
);
