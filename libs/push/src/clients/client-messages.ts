import { isVisible } from '../contracts/event-meta.js';
import { parsePosition } from '../contracts/position.js';
import { problemOfStart } from '../contracts/start.js';
import { expectNone } from '../contracts/state.js';
import { maxTopicLength } from '../contracts/topic.js';
import { MessageFields } from './message-fields.js';
import type { PresenceBody, PublishBody } from '../protocol/http.js';
import type {
  Presence as PresenceMessage,
  Publish as PublishMessage,
  Subscribe as SubscribeMessage,
  Token as TokenMessage,
  Unsubscribe as UnsubscribeMessage,
  WithRef,
} from '../protocol/messages.js';

export type {
  PresenceBody,
  PresenceMessage,
  PublishBody,
  PublishMessage,
  SubscribeMessage,
  TokenMessage,
  UnsubscribeMessage,
};

/*
 * Reads the messages of clients: PROTOCOL.md "WebSocket", "Messages over HTTP". The application's pipes, transformers and
 * classes take no part, so that the protocol is the same in every application.
 */

/** A longer list of topics is refused before any topic is checked. No connection may have more. */
const maxTopicsPerMessage = 1_000;

/** The most subscriptions in one request. More would exceed the topics of any connection. */
const maxSubscriptions = 1_000;

const refBounds = { max: 64 };
const idBounds = { max: 64 };
const startBounds = { max: 64, problemOf: problemOfStart };
const expectBounds = { max: 64, problemOf: problemOfExpected };
const tagBounds = { max: 128, problemOf: problemOfTag };
const tokenBounds = { min: 1, max: 16_384 };
const topicsBounds = { items: maxTopicsPerMessage, max: maxTopicLength };

/* Each of these functions throws PushError `INVALID_MESSAGE`, which names each field that is wrong. */

export function readUnsubscribe(message: object): UnsubscribeMessage {
  return read(message, (fields) => ({ topics: fields.texts('topics', topicsBounds), ...refOf(fields) }));
}

export function readSubscribe(message: object): SubscribeMessage {
  return read(message, subscribeOf);
}

export function readToken(message: object): TokenMessage {
  return read(message, (fields) => ({ token: fields.text('token', tokenBounds), ...refOf(fields) }));
}

export function readPublish(message: object): PublishMessage {
  return read(message, publishOf);
}

/** Reads the body of a publish request: a `publish` message, and the id of the client's own connection. */
export function readPublishBody(message: object): PublishBody {
  return read(message, (fields) => ({
    ...publishOf(fields),
    connection: fields.optionalText('connection', idBounds),
  }));
}

export function readPresence(message: object): PresenceMessage {
  return read(message, presenceOf);
}

/** Reads the body of `POST <path>/presence`: a `presence` message, and the id of the client's own connection. */
export function readPresenceBody(message: object): PresenceBody {
  return read(message, (fields) => ({
    ...presenceOf(fields),
    connection: fields.optionalText('connection', idBounds),
  }));
}

/** Reads the body of `POST <path>/events`: a list of `subscribe` messages. */
export function readSubscriptions(message: object): readonly SubscribeMessage[] {
  return read(message, (fields) => fields.objects('subscribe', maxSubscriptions, subscribeOf));
}

function read<T>(message: object, of: (fields: MessageFields) => T): T {
  const fields = new MessageFields(message);
  const result = of(fields);
  fields.assertValid();
  return result;
}

function subscribeOf(fields: MessageFields): SubscribeMessage {
  return {
    topics: fields.texts('topics', topicsBounds),
    from: fields.optionalText('from', startBounds),
    repeat: fields.optionalFlag('repeat'),
    snapshot: fields.optionalFlag('snapshot'),
    ...refOf(fields),
  };
}

function publishOf(fields: MessageFields): PublishMessage {
  return {
    topic: fields.text('topic', { max: maxTopicLength }),
    data: fields.any('data'),
    // The bus checks the rest of the rules for types.
    type: fields.optionalText('type', { max: 1_024 }),
    messageId: fields.optionalText('messageId', { max: 128 }),
    tag: fields.optionalText('tag', tagBounds),
    ephemeral: fields.optionalFlag('ephemeral'),
    echo: fields.optionalFlag('echo'),
    expect: fields.optionalText('expect', expectBounds),
    remove: fields.optionalFlag('remove'),
    ...refOf(fields),
  };
}

function presenceOf(fields: MessageFields): PresenceMessage {
  return {
    topic: fields.text('topic', { max: maxTopicLength }),
    data: fields.any('data'),
    ...refOf(fields),
  };
}

function refOf(fields: MessageFields): WithRef {
  return { ref: fields.optionalText('ref', refBounds) };
}

function problemOfTag(tag: string): string | undefined {
  return isVisible(tag) ? undefined : 'has to be visible ASCII characters';
}

function problemOfExpected(expect: string): string | undefined {
  if (expect === expectNone || parsePosition(expect)) return undefined;
  return `has to be the id of an event, or ${JSON.stringify(expectNone)}`;
}
