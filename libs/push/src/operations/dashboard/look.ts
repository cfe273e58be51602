import { isObject, MessageFields } from '../../clients/message-fields.js';
import { PushError } from '../../contracts/errors.js';
import { isOfDashboard } from '../../contracts/reserved.js';
import { isPattern, isTopic } from '../../contracts/topic.js';

/** The longest text of a filter. A topic is not longer. */
const longest = 255;

/** Which connections are listed: those that contain all of these texts. `topic` may also be a pattern. */
export interface ConnectionFilter {
  readonly user?: string;
  readonly topic?: string;
  readonly transport?: string;
  readonly address?: string;
}

/** Which topics are listed: those that contain this text, or match this pattern. */
export interface TopicFilter {
  readonly pattern?: string;
}

/** What a view looks at. A part that is missing is not looked at. */
export interface Look {
  /** A number that the page has given it. Answers repeat it. */
  readonly look?: number;
  readonly connections?: ConnectionFilter;
  readonly topics?: TopicFilter;
  /** A topic whose details are wanted. */
  readonly topic?: string;
  /** A topic or pattern whose events are wanted as they come. */
  readonly tail?: string;
}

/** A view of the dashboard, by the name that its page has made at random. */
export const viewGrammar = /^[\w-]{22,64}$/;

/** @throws PushError `INVALID_MESSAGE` */
export function readView(view: unknown): string {
  if (typeof view === 'string' && viewGrammar.test(view)) return view;
  throw new PushError('INVALID_MESSAGE', 'view is not one: 22 to 64 letters, digits, "-" and "_".');
}

/**
 * Reads what a view looks at. Unknown fields are ignored.
 *
 * @throws PushError `INVALID_MESSAGE`, which names each field that is wrong
 */
export function readLook(message: object): Look {
  const fields = new MessageFields(message);
  const look = numberOf(fields.any('look'));
  const connections = filterOf(fields, 'connections', ['user', 'topic', 'transport', 'address']);
  const topics = filterOf(fields, 'topics', ['pattern']);
  const topic = fields.optionalText('topic', { max: longest, problemOf: problemOfTopic });
  const tail = fields.optionalText('tail', { max: longest, problemOf: problemOfTail });
  fields.assertValid();
  return {
    ...(look !== undefined && { look }),
    ...(connections && { connections }),
    ...(topics && { topics }),
    ...(topic !== undefined && { topic }),
    ...(tail !== undefined && { tail }),
  };
}

function numberOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2 ** 31)
    return value as number;
  throw new PushError('INVALID_MESSAGE', 'look has to be a whole number from 0 to 2,147,483,648.');
}

/** A filter has only texts that are not empty: an empty one is in everything. */
function filterOf<Name extends string>(
  fields: MessageFields,
  name: string,
  names: readonly Name[],
): Partial<Record<Name, string>> | undefined {
  const value = fields.any(name);
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new PushError('INVALID_MESSAGE', `${name} has to be an object.`);
  const own = new MessageFields(value, `${name}.`);
  const texts = names.map((each) => [each, own.optionalText(each, { max: longest })] as const);
  own.assertValid();
  return Object.fromEntries(texts.filter(([, text]) => text)) as Partial<Record<Name, string>>;
}

function problemOfTopic(topic: string): string | undefined {
  return isTopic(topic) && !isOfDashboard(topic) ? undefined : 'has to be one topic';
}

/** What a view gets is events too: it cannot watch those. */
function problemOfTail(pattern: string): string | undefined {
  if (!isPattern(pattern)) return 'has to be a topic or a pattern';
  return isOfDashboard(pattern) ? 'cannot be what the dashboard sends' : undefined;
}
