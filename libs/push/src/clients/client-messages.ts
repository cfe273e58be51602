import { problemOfStart } from '../contracts/start.js';
import { maxTopicLength } from '../contracts/topic.js';
import { MessageFields } from './message-fields.js';
import type { PublishBody } from '../protocol/http.js';
import type {
  Publish as PublishMessage,
  Subscribe as SubscribeMessage,
  Token as TokenMessage,
  Unsubscribe as UnsubscribeMessage,
  WithRef,
} from '../protocol/messages.js';

export type { PublishBody, PublishMessage, SubscribeMessage, TokenMessage, UnsubscribeMessage };

/*
 * What clients say, and how it is read: PROTOCOL.md "WebSocket", "Messages over HTTP". No pipe, no transformer and no
 * class of the application's takes part, so that the protocol is the same in every application.
 */

/** More topics in one message than any connection may have are not even looked at. */
const maxTopicsPerMessage = 1_000;

/** More of them would hold more topics than a connection may have. */
const maxSubscriptions = 1_000;

const refBounds = { max: 64 };
const idBounds = { max: 64 };
const startBounds = { max: 64, problemOf: problemOfStart };
const tokenBounds = { min: 1, max: 16_384 };
const topicsBounds = { items: maxTopicsPerMessage, max: maxTopicLength };

/* All of these throw PushError `INVALID_MESSAGE`, which names each field that is wrong. */

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

/** What would be a `publish` message on a WebSocket, and where the client's own stream is. */
export function readPublishBody(message: object): PublishBody {
  return read(message, (fields) => ({
    ...publishOf(fields),
    connection: fields.optionalText('connection', idBounds),
  }));
}

/** What would be `subscribe` messages on a WebSocket: the body of `POST <path>/events`. */
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
    ...refOf(fields),
  };
}

function publishOf(fields: MessageFields): PublishMessage {
  return {
    topic: fields.text('topic', { max: maxTopicLength }),
    data: fields.any('data'),
    // The bus says what a type may be.
    type: fields.optionalText('type', { max: 1_024 }),
    messageId: fields.optionalText('messageId', { max: 128 }),
    ephemeral: fields.optionalFlag('ephemeral'),
    echo: fields.optionalFlag('echo'),
    ...refOf(fields),
  };
}

function refOf(fields: MessageFields): WithRef {
  return { ref: fields.optionalText('ref', refBounds) };
}
