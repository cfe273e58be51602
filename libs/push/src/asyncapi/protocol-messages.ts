import * as protocol from '../wire/protocol-schemas.js';
import { endOfStream } from '../wire/sse.codec.js';
import type { JsonSchema } from './schema/json-schema.js';

/** A message of AsyncAPI. */
export type Message = Readonly<Record<string, unknown>>;

const summaries: Readonly<Record<string, string>> = {
  subscribe: 'Reads topics from now on, or from a place in the past.',
  unsubscribe: 'Reads topics no more.',
  publish: 'Publishes an event.',
  presence: 'Says what others see of the client in a topic that it reads.',
  authenticate: 'Says who the client is, where the server lets clients in that it does not know yet.',
  refresh: 'Brings a new token of the same user.',
  hello: 'The first message on every connection.',
  subscribed: 'The position that the topics start from.',
  live: 'The topics have caught up.',
  unsubscribed: 'The topics are read no more.',
  message: 'An event of a topic.',
  removed: 'What there was of a topic was removed.',
  ended: 'A finite topic has ended: nothing follows.',
  snapshot: 'The whole state of a topic.',
  published: 'The event is stored.',
  refreshed: 'The connection goes on until then.',
  revoked: 'The connection gets these topics no more.',
  gap: 'Events are missing.',
  heartbeat: "Everything of the connection's topics up to this position was sent.",
  drain: 'The server shuts down: come back.',
  error: 'What went wrong with a message of the client, or with the connection.',
};

/** The names of the messages that clients, and servers, send over a WebSocket. */
export const clientMessageNames = Object.keys(protocol.clientMessages);
export const serverMessageNames = Object.keys(protocol.serverMessages);

/** What answers the messages of clients. Every one of them may be answered by an `error`. */
export const answers: Readonly<Record<string, readonly string[]>> = {
  subscribe: ['subscribed', 'live', 'error'],
  unsubscribe: ['unsubscribed', 'error'],
  publish: ['published', 'error'],
  presence: ['error'],
  authenticate: ['hello', 'error'],
  refresh: ['refreshed', 'error'],
};

/** The events of the built-in event stream, besides those that are published. */
const streamEvents: Readonly<
  Record<string, { readonly summary: string; readonly data: JsonSchema; readonly id?: JsonSchema }>
> = {
  'push.start': {
    summary: 'Where the stream begins, if it begins now. Its first message.',
    data: protocol.object({ id: protocol.eventId }),
    id: protocol.eventId,
  },
  'push.gap': { summary: summaries.gap!, data: protocol.gap, id: protocol.eventId },
  'push.removed': {
    summary: summaries.removed!,
    data: protocol.object({ topic: protocol.topic }),
    id: protocol.eventId,
  },
  'push.ended': {
    summary: summaries.ended!,
    data: protocol.object({ topic: protocol.topic, reason: { type: 'string' } }),
    id: protocol.eventId,
  },
  'push.end': {
    summary: 'All topics of the stream have ended, and so does the stream. It must not be resumed.',
    data: protocol.object({}),
    id: { type: 'string', const: endOfStream },
  },
  'push.snapshot': {
    summary: summaries.snapshot!,
    data: protocol.object({ topic: protocol.topic, data: protocol.anyJson }),
    id: protocol.eventId,
  },
  'push.heartbeat': {
    summary: 'A heartbeat, where the application has chosen that it dispatches an event.',
    data: protocol.object({ id: protocol.eventId }),
    id: protocol.eventId,
  },
  'push.error': {
    summary: 'Why the stream ends, or does not begin.',
    data: protocol.streamError,
  },
  'push.expired': {
    summary: 'The client is no longer authenticated: come back with a new token.',
    data: protocol.streamError,
  },
};

/** The messages of a WebSocket: text frames with `{ event, data }`. */
export function webSocketMessages(): Record<string, Message> {
  const all = { ...protocol.clientMessages, ...protocol.serverMessages };
  return Object.fromEntries(
    Object.entries(all).map(([name, data]) => {
      const event = { type: 'string', const: name };
      const payload = { type: 'object', properties: { event, data }, required: ['event', 'data'] };
      return [name, { name, title: name, summary: summaries[name], payload }];
    }),
  );
}

/** The blocks of the built-in event stream. Their `event:` and `id:` are headers. */
export function streamMessages(): Record<string, Message> {
  const event = {
    name: 'event',
    title: 'event',
    summary: 'An event of a topic.',
    headers: protocol.object(
      {},
      {
        event: { type: 'string', description: 'The type of the event, if it has one.' },
        id: protocol.eventId,
      },
    ),
    payload: protocol.object({ topic: protocol.topic, data: protocol.anyJson }),
  };
  const others = Object.entries(streamEvents).map(([name, { summary, data, id }]): [string, Message] => {
    const type = { type: 'string', const: name };
    const headers = protocol.object({ event: type }, id && { id });
    return [name, { name, title: name, summary, headers, payload: data }];
  });
  return { event, ...Object.fromEntries(others) };
}
