import { defaultReason, endMeta } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import { isVisible, taggedMeta } from '../contracts/event-meta.js';
import type { Draft } from '../contracts/event.js';
import type { RetentionRules, TopicRetention } from '../contracts/retention.js';
import { assertTopic } from '../contracts/topic.js';
import { jsonOf, sized } from './event-json.js';
import type { EndOptions, PublishOptions } from './publish.options.js';
import { publisherKey } from './publisher-key.js';
import { checkedMeta } from './publish-meta.js';
import { checkExpect } from './state-options.js';

/** An `EventSource` dispatches `error` and `open` itself, and its listeners could not tell an event of that type apart. */
const typeGrammar = /^(?!push\.|(?:error|open)$)[^\p{Cc}]{1,128}$/u;
const reasonGrammar = /^[!-~]{1,64}$/;

/** What drafts depend on. */
export interface DraftRules {
  readonly retention: Pick<RetentionRules, 'of'>;
  /** In bytes of JSON. */
  readonly maxEventBytes: number;
}

/**
 * Checks an event that is to be published.
 *
 * @throws PushError `INVALID_TOPIC`, `INVALID_TYPE`, `INVALID_OPTION`, `DATA_NOT_SERIALIZABLE`, `DATA_TOO_LARGE`
 */
export function draftOf(topic: string, data: unknown, options: PublishOptions, rules: DraftRules): Draft {
  assertTopic(topic);
  return draftWith(topic, jsonOf(topic, data, rules.maxEventBytes), options, rules);
}

/**
 * Checks an event whose data is JSON text already, on one line. The text is stored as it is.
 *
 * @throws PushError as `draftOf`
 */
export function jsonDraftOf(topic: string, json: string, options: PublishOptions, rules: DraftRules): Draft {
  assertTopic(topic);
  return draftWith(topic, sized(topic, json, rules.maxEventBytes), options, rules);
}

function draftWith(topic: string, data: string, options: PublishOptions, rules: DraftRules): Draft {
  const { type, messageId, tag, except, publisher, expect, end } = options;
  checkType(type);
  checkName('messageId', messageId);
  checkName('tag', tag);
  const by = publisher === undefined ? undefined : publisherKey(publisher);
  if (expect !== undefined) checkExpect(rules.retention.of(topic), options, topic);
  if (end) checkEnd(rules.retention.of(topic), options, topic);
  const own = checkedMeta(options.meta);
  const meta = tag === undefined ? own : taggedMeta(tag, own);
  return {
    topic,
    data,
    type,
    messageId,
    except,
    publisher: by,
    expect,
    meta: end ? endMeta({ reason: defaultReason, data: 'event' }, meta) : meta,
  };
}

/**
 * Checks an end that is to be published.
 *
 * @throws PushError as `draftOf`
 */
export function endDraftOf(topic: string, options: EndOptions, rules: DraftRules): Draft {
  const { reason = defaultReason, result, ...rest } = options;
  if (!reasonGrammar.test(reason))
    throw new PushError('INVALID_OPTION', 'A reason is one word: 1 to 64 visible ASCII characters.');
  const hasResult = result !== undefined;
  const draft = draftOf(topic, hasResult ? result : null, rest, rules);
  assertFinite(rules.retention.of(topic), 'end()', topic);
  return { ...draft, meta: endMeta({ reason, data: hasResult ? 'result' : 'none' }, draft.meta) };
}

function checkType(type: string | undefined): void {
  if (type === undefined || typeGrammar.test(type)) return;
  const rule =
    'A type has 1 to 128 characters, no control characters, does not begin with "push.", and is not "error" or "open".';
  throw new PushError('INVALID_TYPE', `${JSON.stringify(type)} is not an event type. ${rule}`);
}

function checkName(option: 'messageId' | 'tag', name: string | undefined): void {
  if (name === undefined || isVisible(name)) return;
  throw new PushError('INVALID_OPTION', `A ${option} has 1 to 128 visible ASCII characters; a UUID will do.`);
}

function checkEnd(retention: TopicRetention, { ephemeral }: PublishOptions, topic: string): void {
  assertFinite(retention, 'end', topic);
  if (ephemeral)
    throw new PushError(
      'INVALID_OPTION',
      'An ephemeral event is not stored: it can end nothing. Leave out one.',
    );
}

function assertFinite({ ends }: TopicRetention, what: string, topic: string): void {
  if (ends) return;
  const message = `${what} is for finite topics, and ${topic} is none.`;
  throw new PushError('INVALID_OPTION', `${message} Give a rule of "topics" that matches it finite: true.`);
}

/** @throws PushError `INVALID_OPTION` unless what there is of a topic can be taken away */
export function assertForgettable({ ends, state }: TopicRetention, topic: string): void {
  if (ends || state) return;
  const message = `forget() is for finite and state topics, and ${topic} is neither.`;
  throw new PushError(
    'INVALID_OPTION',
    `${message} Give a rule of "topics" that matches it finite: true or state: true.`,
  );
}
