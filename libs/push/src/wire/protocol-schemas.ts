/*
 * What PROTOCOL.md says of the fields of messages, as JSON Schema: what OpenAPI 3.0 and AsyncAPI 3 both take. Documents describe
 * push's endpoints and messages with it.
 */

export type FieldSchema = Readonly<Record<string, unknown>>;

const token = '[!-)+,\\-/-=?-~]+';

const text = { type: 'string' };
const flag = { type: 'boolean' };

/** An object that has `required`, and may have the others. */
export function object(required: Readonly<Record<string, FieldSchema>>, others: object = {}): FieldSchema {
  const names = Object.keys(required);
  return {
    type: 'object',
    properties: { ...required, ...others },
    ...(names.length > 0 && { required: names }),
  };
}

export const anyJson: FieldSchema = { description: 'Any JSON.' };

export const topic: FieldSchema = {
  ...text,
  maxLength: 255,
  pattern: `^${token}(\\.${token})*$`,
  description: 'A topic: tokens of visible ASCII characters, joined by dots, 32 at most.',
};

export const pattern: FieldSchema = {
  ...text,
  maxLength: 255,
  pattern: `^((${token}|\\*)\\.)*(${token}|\\*|>)$`,
  description: 'A topic, or a pattern: * stands for any one token, > at the end for one or more.',
};

export const eventId: FieldSchema = {
  ...text,
  maxLength: 64,
  pattern: '^[A-Za-z0-9_-]+$',
  description: "An event's position in the log. Hand it back to resume.",
};

export const start: FieldSchema = {
  ...text,
  maxLength: 64,
  pattern: '^(now|last|last:([1-9]\\d{0,2}|1000)|earliest|start|snapshot|[A-Za-z0-9_-]+)$',
  description:
    'Where to begin: now, last, last:50 (1 to 1000), earliest, start, snapshot, or the id of an event, for everything after it.',
};

const ref: FieldSchema = { ...text, maxLength: 64, description: 'It comes back in the answer.' };
const connection: FieldSchema = {
  ...text,
  maxLength: 64,
  description: "The id in the hello of the client's own stream.",
};
const eventType: FieldSchema = { ...text, maxLength: 1024, description: 'The type of the event.' };

/** `n` patterns at most. */
export function patterns(n: number): FieldSchema {
  return { type: 'array', items: pattern, minItems: 1, maxItems: n };
}

const subscriptionFields = {
  from: start,
  repeat: { ...flag, description: 'Bring also what another subscription of the connection has brought.' },
  snapshot: { ...flag, description: 'Bring a fresh snapshot after every gap.' },
  ref,
};

const publicationFields = {
  type: eventType,
  messageId: { ...text, maxLength: 128, description: 'Publishing the same id again stores nothing.' },
  tag: { ...text, maxLength: 128, description: 'It comes back with the event.' },
  ephemeral: { ...flag, description: 'Delivered at most once, and not stored.' },
  echo: { ...flag, default: true, description: 'Whether the client gets the event itself.' },
  expect: {
    ...text,
    maxLength: 64,
    pattern: '^(none|[A-Za-z0-9_]{1,32}-[0-9]{1,16})$',
    description:
      'For state topics: stored only if the newest event is this one, or with none only if there is no state. Else CONFLICT.',
  },
  remove: { ...flag, description: 'For state topics: takes the state away. The data does not count.' },
  ref,
};

/** What clients say, by the name of the message. */
export const clientMessages = {
  subscribe: object({ topics: patterns(1000) }, subscriptionFields),
  unsubscribe: object({ topics: patterns(1000) }, { ref }),
  publish: object({ topic, data: anyJson }, publicationFields),
  presence: object({ topic }, { data: anyJson, ref }),
  authenticate: object({ token: { ...text, minLength: 1, maxLength: 16_384 } }, { ref }),
  refresh: object({ token: { ...text, minLength: 1, maxLength: 16_384 } }, { ref }),
};

/** The bodies of requests, by the name of the endpoint. */
export const requestBodies = {
  events: object({ subscribe: { type: 'array', items: clientMessages.subscribe, maxItems: 1000 } }),
  publish: object({ topic, data: anyJson }, { ...publicationFields, connection }),
  presence: object({ topic }, { data: anyJson, connection, ref }),
};

/** An event as messages have it. */
export const event = object({ topic, data: anyJson }, { id: eventId, type: text, tag: text });

export const removed = object({ topic }, { id: eventId });
export const ended = object(
  { topic, reason: { ...text, description: 'Why: done, failed, cancelled, or another word.' } },
  { id: eventId },
);
export const snapshot = object({ topic, data: anyJson }, { id: eventId });

export const gapReason: FieldSchema = { ...text, enum: ['malformed', 'epoch', 'future', 'evicted', 'slow'] };

export const gap = object(
  { reason: gapReason, topics: { type: 'array', items: pattern }, id: eventId },
  {
    reset: { ...flag, description: 'Forget everything of these topics: all of it follows.' },
    snapshot: { ...flag, description: 'A fresh snapshot of each topic follows.' },
  },
);

/** Why a request, a message or a stream is refused. */
export const errorCodes = [
  ...[
    'INVALID_MESSAGE',
    'INVALID_TOPIC',
    'FORBIDDEN',
    'UNAUTHENTICATED',
    'CONFLICT',
    'ENDED',
    'DATA_TOO_LARGE',
  ],
  ...['INVALID_TYPE', 'LIMIT_EXCEEDED', 'TOO_SLOW', 'SNAPSHOT_FAILED', 'UNAVAILABLE', 'CLOSED', 'INTERNAL'],
];

const details = { type: 'array', items: text, description: 'What is wrong, a line for each field.' };
const code = { ...text, enum: errorCodes };

export const streamError = object({ code, message: text, retryable: flag });
const errorReport = object({ code, message: text, retryable: flag }, { ref, details });

/** The body of every answer that refuses a request. */
export const refusal = object({ statusCode: { type: 'integer' }, code, message: text }, { details });

const count: FieldSchema = { type: 'integer', minimum: 0 };
const time: FieldSchema = { type: 'number', description: 'In milliseconds since 1970.' };
const answered = { type: 'array', items: pattern };

/** What the server says, by the name of the message. */
export const serverMessages = {
  hello: object(
    {
      connection: text,
      client: {
        ...text,
        maxLength: 64,
        description: 'Hand it back as ?client= to be the same client again.',
      },
      heartbeat: { type: 'number', description: 'Milliseconds between heartbeats.' },
      limits: object(
        { maxMessageBytes: count, maxTopics: count },
        { maxInnerWildcards: { description: 'A number; null where there is no limit.' } },
      ),
    },
    { expiresAt: time, ref },
  ),
  subscribed: object({ topics: answered, id: eventId }, { ref }),
  live: object({ topics: answered, id: eventId }, { ref }),
  unsubscribed: object({ topics: answered }, { ref }),
  message: event,
  removed,
  ended,
  snapshot,
  published: object({}, { id: eventId, ref }),
  refreshed: object({}, { expiresAt: time, ref }),
  revoked: object({ topics: answered }, { retryable: flag }),
  gap,
  heartbeat: object({}, { id: eventId }),
  drain: object({ delay: { type: 'number', description: 'Come back in so many milliseconds.' } }),
  error: errorReport,
};

/** The state of a member of a topic's presence. */
export function member(data: FieldSchema): FieldSchema {
  return object({}, { user: { ...text, description: "The id of the client's user." }, data });
}

/** The state of a counter of a topic's presence. */
export const memberCount = object({ count });

/** The state of a run that writes a topic. */
export const run = object(
  { id: text, startedAt: time },
  { progress: { type: 'number', minimum: 0, maximum: 1 }, message: text },
);

/** The answer to a request for a topic's past. */
export const historyPage = object(
  { events: { type: 'array', items: event } },
  { before: eventId, gap: gapReason },
);
