import type { GapNotice } from '../protocol/gap.js';
import type {
  Ended,
  ErrorReport,
  PushEvent,
  Removed,
  ServerMessage,
  TopicSnapshot,
} from '../protocol/messages.js';
import type { SseBlock } from '../transports/sse-parser.js';

/** How the data of a route's events is written. */
export interface RouteFormat<Data> {
  /** Whether the server wraps events with their topic: `stream(topics, { envelope: true })`. Default: `false`. */
  readonly envelope?: boolean;
  /**
   * Reads the data of an event. Default: JSON is parsed, and anything else stays a string. Give `(text) => text` if the data is text
   * that may look like JSON. It is not used with `envelope`, where the data is always JSON.
   */
  readonly parse?: (text: string, type: string | undefined) => Data;
}

/**
 * What a block of a plain event stream says, as a message. See PROTOCOL.md, "Blocks".
 *
 * @param path the topic of events that do not name theirs
 */
export function messageOf(
  { event: type, data, id }: SseBlock,
  path: string,
  { envelope, parse = jsonOrText }: RouteFormat<unknown>,
): ServerMessage | undefined {
  if (data === undefined) return undefined;
  const told = <Told>() => ({ ...(JSON.parse(data) as Told), id });
  switch (type) {
    case 'push.gap':
      return { event: 'gap', data: JSON.parse(data) as GapNotice };
    case 'push.removed':
      return { event: 'removed', data: told<Removed>() };
    case 'push.ended':
      return { event: 'ended', data: told<Ended>() };
    case 'push.snapshot':
      return { event: 'snapshot', data: told<TopicSnapshot>() };
    case 'push.error':
    case 'push.expired':
      return { event: 'error', data: JSON.parse(data) as ErrorReport };
  }
  // Where the stream begins or ends, a heartbeat, or something newer than this client.
  if (type?.startsWith('push.')) return undefined;
  const event = envelope ? told<PushEvent>() : { topic: path, id, data: parse(data, type) };
  return { event: 'message', data: { ...event, type } };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
