import * as protocol from '../wire/protocol-schemas.js';
import { pathAddressOf } from './channel-address.js';
import {
  answers,
  clientMessageNames,
  serverMessageNames,
  streamMessages,
  webSocketMessages,
  type Message,
} from './protocol-messages.js';

type Fields = Record<string, unknown>;

/** Where push's doors are, and which of them are open. */
export interface Doors {
  /** The base path: `/push`. */
  readonly path: string;
  readonly websocket: boolean;
  readonly http: boolean;
  readonly url: string | undefined;
  readonly security: readonly object[];
}

const overHttp = [{ $ref: '#/servers/http' }];

const query = {
  ticket: { type: 'string', description: 'A one-time ticket that says who the client is.' },
  client: { type: 'string', description: 'What hello has brought, to be the same client again.' },
};

/** The servers of a document: one for each protocol. */
export function serversOf({ websocket, http, url, security }: Doors): Record<string, Fields> {
  const { host, pathname, protocol: scheme } = new URL(url ?? 'http://localhost');
  const isSecure = scheme === 'https:';
  const place = {
    host: url === undefined ? '{host}' : host,
    ...(pathname !== '/' && { pathname: pathname.replace(/\/$/, '') }),
    ...(url === undefined && {
      variables: { host: { default: 'localhost', description: 'Where the application is.' } },
    }),
    ...(security.length > 0 && { security }),
  };
  return {
    ...(websocket && {
      websocket: {
        ...place,
        protocol: isSecure ? 'wss' : 'ws',
        description: 'All topics over one WebSocket.',
      },
    }),
    ...(http && {
      http: {
        ...place,
        protocol: isSecure ? 'https' : 'http',
        description: 'Event streams (SSE), and messages over HTTP.',
      },
    }),
  };
}

/** The channels that carry topics: the WebSocket and the endpoints of HTTP, with the messages of the protocol. */
export function transportSection(doors: Doors): {
  channels: Record<string, Fields>;
  operations: Record<string, Fields>;
} {
  const channels: Record<string, Fields> = {};
  const operations: Record<string, Fields> = {};
  if (doors.websocket) addWebSocket(doors, channels, operations);
  if (doors.http) {
    addStream(doors, channels, operations);
    for (const endpoint of ['publish', 'presence'] as const)
      addEndpoint(endpoint, doors, channels, operations);
  }
  return { channels, operations };
}

/** The messages of the protocol, to which channels refer. */
export function protocolComponents({ websocket, http }: Doors): Record<string, Message> {
  return {
    ...(websocket && prefixed('websocket', webSocketMessages())),
    ...(http && prefixed('sse', streamMessages())),
  };
}

/** What answers an event that a client publishes; nothing without a WebSocket. */
export function publishReply({ websocket }: Doors): object | undefined {
  return websocket ? replyOf('publish') : undefined;
}

function prefixed(prefix: string, messages: Record<string, Message>): Record<string, Message> {
  return Object.fromEntries(
    Object.entries(messages).map(([name, message]) => [`${prefix}.${name}`, message]),
  );
}

function replyOf(message: string): object {
  const at = '#/channels/websocket';
  const messages = answers[message]!.map((name) => ({ $ref: `${at}/messages/${name}` }));
  return { channel: { $ref: at }, messages };
}

function refsOf(channel: string, names: readonly string[]): object[] {
  return names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }));
}

function addWebSocket(
  { path }: Doors,
  channels: Record<string, Fields>,
  operations: Record<string, Fields>,
): void {
  const names = [...clientMessageNames, ...serverMessageNames];
  channels.websocket = {
    ...placed(path),
    title: 'The WebSocket',
    description:
      'Carries all topics of a client. Each message is a text frame with JSON, `{ "event", "data" }`. `subscribe` names the topics that the other channels describe; their events come as `message`.',
    servers: [{ $ref: '#/servers/websocket' }],
    messages: Object.fromEntries(
      names.map((name) => [name, { $ref: `#/components/messages/websocket.${name}` }]),
    ),
    bindings: {
      ws: { method: 'GET', query: { type: 'object', properties: query }, bindingVersion: '0.1.0' },
    },
  };
  operations['websocket.messages'] = {
    action: 'send',
    channel: { $ref: '#/channels/websocket' },
    title: 'What the server says',
    summary: 'Events, gaps, and answers.',
    messages: refsOf('websocket', serverMessageNames),
  };
  for (const name of clientMessageNames) {
    operations[`websocket.${name}`] = {
      action: 'receive',
      channel: { $ref: '#/channels/websocket' },
      title: `websocket: ${name}`,
      summary: webSocketMessages()[name]!.summary,
      messages: refsOf('websocket', [name]),
      reply: replyOf(name),
    };
  }
}

function addStream(
  { path }: Doors,
  channels: Record<string, Fields>,
  operations: Record<string, Fields>,
): void {
  channels.events = {
    ...placed(`${path}/events`),
    title: 'The event stream',
    description:
      'Carries the topics that the query names, as Server-Sent Events: `id:` and `event:` are the headers of a message, `data:` is its payload.',
    servers: overHttp,
    messages: Object.fromEntries(
      Object.keys(streamMessages()).map((name) => [name, { $ref: `#/components/messages/sse.${name}` }]),
    ),
  };
  const topics = { ...protocol.patterns(256), description: 'A topic or pattern; once for each.' };
  const lastEventId = {
    type: 'string',
    maxLength: 64,
    description: 'As the header Last-Event-ID, for clients that cannot set one.',
  };
  operations['events.stream'] = {
    action: 'send',
    channel: { $ref: '#/channels/events' },
    title: 'What the event stream says',
    summary: 'The events of the topics in the query.',
    messages: refsOf('events', Object.keys(streamMessages())),
    bindings: {
      http: {
        method: 'GET',
        query: protocol.object(
          { topic: topics },
          { from: protocol.start, lastEventId, ticket: query.ticket },
        ),
        bindingVersion: '0.3.0',
      },
    },
  };
}

function addEndpoint(
  endpoint: 'publish' | 'presence',
  { path }: Doors,
  channels: Record<string, Fields>,
  operations: Record<string, Fields>,
): void {
  const name = `http.${endpoint}`;
  const answer = protocol.object({}, endpoint === 'publish' ? { id: protocol.eventId } : {});
  channels[name] = {
    ...placed(`${path}/${endpoint}`),
    title: `POST ${path}/${endpoint}`,
    servers: overHttp,
    messages: {
      [endpoint]: { name: endpoint, title: endpoint, payload: protocol.requestBodies[endpoint] },
      answer: { name: 'answer', title: 'answer', payload: answer },
    },
  };
  operations[name] = {
    action: 'receive',
    channel: { $ref: `#/channels/${name}` },
    title: `http: ${endpoint}`,
    summary: webSocketMessages()[endpoint]!.summary,
    messages: refsOf(name, [endpoint]),
    bindings: {
      http: { method: 'POST', query: { type: 'object', properties: query }, bindingVersion: '0.3.0' },
    },
    reply: { channel: { $ref: `#/channels/${name}` }, messages: refsOf(name, ['answer']) },
  };
}

function placed(path: string): Fields {
  const { address, parameters } = pathAddressOf(path);
  return { address, ...(Object.keys(parameters).length > 0 && { parameters }) };
}
