import { jsonDraftOf, type DraftRules } from '../bus/draft.js';
import type { PublishOptions } from '../bus/publish.options.js';
import { PushError } from '../contracts/errors.js';
import type { Draft } from '../contracts/event.js';
import { boolean, checkedElsewhere, checkOptions, text, type Checks } from '../contracts/option-checks.js';
import type { WaitingRow } from './waiting-rows.js';

/** How an event of an outbox is published: as any other, but for `ephemeral`: what is not stored cannot be published once. */
export type RowOptions = Omit<PublishOptions, 'ephemeral'>;

const checks: Checks<RowOptions> = {
  type: text,
  messageId: text,
  tag: text,
  except: text,
  publisher: text,
  expect: text,
  meta: checkedElsewhere,
  end: boolean,
};

/**
 * The options of an event as they are kept in its row: JSON text, or `null` for none.
 *
 * @throws PushError `INVALID_OPTION`
 */
export function rowOptionsOf(options: RowOptions): string | null {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (given.length === 0) return null;
  checkOptions(Object.fromEntries(given), checks);
  return JSON.stringify(Object.fromEntries(given));
}

/**
 * The event of a row, which anyone may have inserted.
 *
 * @param name the row's name in the log: its message id, if it has no other
 * @throws PushError as `EventBus.publish`
 */
export function draftOfRow({ topic, data, options }: WaitingRow, name: string, rules: DraftRules): Draft {
  if (data === null)
    throw new PushError('DATA_TOO_LARGE', `The data for ${topic} is far larger than maxEventBytes.`);
  const draft = jsonDraftOf(topic, onOneLine(data), optionsOf(options), rules);
  return { ...draft, messageId: draft.messageId ?? name, meta: Object.freeze({ ...draft.meta, row: name }) };
}

/** JSON text without white space between its parts: as SQL writes it, it may have line ends, which would end an event on the wire. */
export function onOneLine(json: string): string {
  return /[\n\r]/.test(json)
    ? json.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (part) => (part[0] === '"' ? part : ''))
    : json;
}

/** @throws PushError `INVALID_OPTION` */
function optionsOf(json: string | null): RowOptions {
  const parsed: unknown = json === null ? {} : JSON.parse(json);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new PushError('INVALID_OPTION', 'Options are an object, such as {"type": "paid"}.');
  // SQL has null for what is not there.
  const options = Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== null));
  checkOptions(options, checks);
  return options as RowOptions;
}
