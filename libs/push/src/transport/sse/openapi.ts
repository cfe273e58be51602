/*
 * The metadata from which `@nestjs/swagger` describes the built-in endpoints in an application's OpenAPI document. The handlers
 * take only request and response, so swagger would find nothing by itself. Its decorators are not used, since an application may
 * not have it installed.
 */

type Schema = object;

/** An endpoint, as OpenAPI 3 describes one. */
interface Description {
  readonly summary: string;
  readonly parameters: readonly object[];
  readonly produces: string;
  readonly responses: Readonly<Record<number, string>>;
  /** What the JSON of an answer has. */
  readonly answer?: Readonly<Record<string, Schema>>;
}

const text = { type: 'string' };
const flag = { type: 'boolean' };
const topics = { type: 'array', items: text };

function query(name: string, description: string, schema: Schema, required = false): object {
  return { in: 'query', name, description, required, schema };
}

function body(properties: Readonly<Record<string, Schema>>, required: readonly string[]): object {
  return { in: 'body', type: String, required: true, schema: { type: 'object', properties, required } };
}

const subscription = {
  type: 'object',
  properties: { topics, from: text, repeat: flag, ref: text },
  required: ['topics'],
};

const ticket = query('ticket', 'A one-time ticket that identifies the client', text);

const refusals = {
  400: 'The request does not follow the protocol: code INVALID_MESSAGE or INVALID_TOPIC',
  401: 'The client could not be authenticated: code UNAUTHENTICATED',
  403: 'No rule grants this topic, or the page has a foreign origin: code FORBIDDEN',
  413: 'The query, the body or the data is too large: code DATA_TOO_LARGE',
  429: 'A limit is reached: code LIMIT_EXCEEDED',
  503: 'The server shuts down or is full: come back after Retry-After',
};

type Method = 'events' | 'messages' | 'publish' | 'present' | 'history';

const descriptions: Readonly<Record<Method, Description>> = {
  events: {
    summary: 'The events of some topics, as an event stream',
    parameters: [
      query('topic', 'A topic or pattern; once for each', topics, true),
      query('from', 'Where to begin: now, last, last:50, earliest, start, or the id of an event', text),
      query('lastEventId', 'As the header Last-Event-ID, for clients that cannot set one', text),
      ticket,
    ],
    produces: 'text/event-stream',
    responses: { 200: 'An event stream', 204: 'The stream has ended for good', ...refusals },
  },
  messages: {
    summary: 'The messages of a WebSocket, as an event stream',
    parameters: [body({ subscribe: { type: 'array', items: subscription } }, ['subscribe']), ticket],
    produces: 'text/event-stream',
    responses: { 200: 'An event stream', ...refusals },
  },
  publish: {
    summary: 'Publishes an event',
    parameters: [
      body(
        {
          topic: text,
          data: {},
          type: text,
          messageId: text,
          ephemeral: flag,
          echo: flag,
          connection: text,
        },
        ['topic', 'data'],
      ),
      ticket,
    ],
    produces: 'application/json',
    responses: { 200: 'The id of the event, which is stored; none if it is ephemeral', ...refusals },
    answer: { id: text },
  },
  present: {
    summary: 'Sets what others see of the client in a topic that it reads',
    parameters: [body({ topic: text, data: {}, connection: text }, ['topic']), ticket],
    produces: 'application/json',
    responses: { 200: 'It is set', ...refusals },
    answer: {},
  },
  history: {
    summary: 'A page of the past of a topic',
    parameters: [
      query('topic', 'A topic', text, true),
      query('before', 'The id of an event: the page has what came before it', text),
      query('limit', 'The most events: 1 to 1,000. Default: 50', { type: 'integer' }),
      ticket,
    ],
    produces: 'application/json',
    responses: { 200: 'Events, oldest first', ...refusals },
    answer: { events: { type: 'array', items: { type: 'object' } }, before: text, gap: text },
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
function metadataOf({
  summary,
  parameters,
  produces,
  responses,
  answer,
}: Description): Record<string, unknown> {
  const entries = Object.entries(responses).map(([status, description]) => {
    const isSuccess = status === '200';
    const schema = isSuccess && answer ? { type: 'object', properties: answer } : text;
    return [status, isSuccess ? { description, content: { [produces]: { schema } } } : { description }];
  });
  return {
    apiOperation: { summary },
    apiParameters: parameters,
    apiProduces: [produces],
    apiConsumes: ['application/json'],
    apiResponse: Object.fromEntries(entries) as object,
  };
}
