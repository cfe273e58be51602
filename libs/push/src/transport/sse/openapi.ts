import * as protocol from '../../wire/protocol-schemas.js';

/*
 * The metadata from which `@nestjs/swagger` describes the built-in endpoints in an application's OpenAPI document. The handlers
 * take only request and response, so swagger would find nothing by itself. Its decorators are not used, since an application may
 * not have it installed.
 */

type Schema = Readonly<Record<string, unknown>>;

/** An endpoint, as OpenAPI 3 describes one. */
interface Description {
  readonly summary: string;
  readonly parameters: readonly object[];
  readonly produces: string;
  /** What 200 means. */
  readonly success: string;
  /** What the JSON of an answer has. Default: a text. */
  readonly answer?: Schema;
  /** Other statuses, besides those that all endpoints have. */
  readonly others?: Readonly<Record<number, string>>;
}

const text: Schema = { type: 'string' };

function query(name: string, description: string, schema: Schema, required = false): object {
  return { in: 'query', name, description, required, schema };
}

function header(name: string, description: string, schema: Schema): object {
  return { in: 'header', name, description, required: false, schema };
}

function body(schema: Schema): object {
  return { in: 'body', type: String, required: true, schema };
}

const ticket = query('ticket', 'A one-time ticket that identifies the client', {
  ...text,
  pattern: '^[A-Za-z0-9_-]{64}$',
});
const client = query('client', 'What hello has brought: the client is the same as before', {
  ...text,
  maxLength: 64,
});
const lastId = { ...text, maxLength: 64 };
const statuses = header(
  'Push-Refusals',
  '"status" asks for 429 and 503 also where an EventSource would get a stream that says so and ends',
  { ...text, enum: ['status'] },
);

const refusals: Readonly<Record<number, string>> = {
  400: 'The request does not follow the protocol, or the data is not valid: code INVALID_MESSAGE, INVALID_TOPIC or INVALID_TYPE; or a limit stands: LIMIT_EXCEEDED',
  401: 'The client could not be authenticated: code UNAUTHENTICATED',
  403: 'No rule or policy grants this topic, or the page has a foreign origin: code FORBIDDEN',
  413: 'The query, the body or the data is too large: code DATA_TOO_LARGE',
  429: 'A limit is reached: code LIMIT_EXCEEDED. Come back after Retry-After',
  500: 'The server failed: code INTERNAL',
  503: 'The server shuts down, is full, or cannot do it now: code CLOSED, UNAVAILABLE or SNAPSHOT_FAILED. Come back after Retry-After',
};

/** Which headers come with a refusal. */
const refusalHeaders: Readonly<Record<number, object>> = {
  401: { 'WWW-Authenticate': { schema: text } },
  429: { 'Retry-After': { description: 'In seconds', schema: { type: 'integer' } } },
  503: { 'Retry-After': { description: 'In seconds', schema: { type: 'integer' } } },
};

type Method = 'events' | 'messages' | 'publish' | 'present' | 'history';

const over = 'The stream has ended for good: its last id is push.end';

const descriptions: Readonly<Record<Method, Description>> = {
  events: {
    summary: 'The events of some topics, as an event stream',
    parameters: [
      query('topic', 'A topic or pattern; once for each', protocol.patterns(256), true),
      query('from', 'Where a client begins that brings no last event id. Default: now', protocol.start),
      query('lastEventId', 'As the header Last-Event-ID, for clients that cannot set one', lastId),
      ticket,
      header('Last-Event-ID', 'The id of the last event that the client has got: resumes after it', lastId),
      statuses,
    ],
    produces: 'text/event-stream',
    success: 'An event stream',
    others: { 204: over },
  },
  messages: {
    summary: 'The messages of a WebSocket, as an event stream',
    parameters: [body(protocol.requestBodies.events), client, ticket],
    produces: 'text/event-stream',
    success: 'An event stream. Subscriptions are answered in it, also those that are refused',
  },
  publish: {
    summary: 'Publishes an event',
    parameters: [body(protocol.requestBodies.publish), client, ticket],
    produces: 'application/json',
    success: 'The event is published. Its id, unless it is ephemeral',
    answer: protocol.object({}, { id: protocol.eventId }),
    others: {
      409: 'The state of the topic is not the one that was expected: code CONFLICT',
      410: 'The topic has ended: code ENDED',
    },
  },
  present: {
    summary: 'Sets what others see of the client in a topic that it reads',
    parameters: [body(protocol.requestBodies.presence), client, ticket],
    produces: 'application/json',
    success: 'It is set',
    answer: { type: 'object' },
  },
  history: {
    summary: 'A page of the past of a topic',
    parameters: [
      query('topic', 'A topic, no pattern', protocol.topic, true),
      query('before', 'The id of an event: the page has what came before it', lastId),
      query('limit', 'The most events', { type: 'integer', minimum: 1, maximum: 1000, default: 50 }),
      ticket,
    ],
    produces: 'application/json',
    success: 'Events, oldest first',
    answer: protocol.historyPage,
  },
};

/** Describes the endpoints of a controller whose methods have these names. */
export function describeEndpoints(prototype: object): void {
  for (const [name, description] of Object.entries(descriptions)) {
    const { value } = Object.getOwnPropertyDescriptor(prototype, name) as { value: object };
    for (const [key, metadata] of Object.entries(metadataOf(description))) {
      Reflect.defineMetadata(`swagger/${key}`, metadata, value);
    }
  }
}

/** Keyed as the decorators of `@nestjs/swagger` key their metadata. */
function metadataOf(description: Description): Record<string, unknown> {
  const { summary, parameters, produces, success, answer = text, others } = description;
  const empty = ([status]: [string, string]) => status === '204';
  const refused = Object.entries({ ...refusals, ...others }).map((each): [string, object] => {
    const [status, meaning] = each;
    if (empty(each)) return [status, { description: meaning }];
    const headers = refusalHeaders[Number(status)];
    const content = { 'application/json': { schema: protocol.refusal } };
    return [status, { description: meaning, ...(headers && { headers }), content }];
  });
  const body = parameters.some((parameter) => 'in' in parameter && parameter.in === 'body');
  return {
    apiOperation: { summary },
    apiParameters: parameters,
    apiProduces: [produces],
    ...(body && { apiConsumes: ['application/json'] }),
    apiResponse: {
      200: { description: success, content: { [produces]: { schema: answer } } },
      ...(Object.fromEntries(refused) as object),
    },
  };
}
