import type { PushEvent } from '../protocol/messages.js';
import { PushError } from '../push-error.js';
import { matcher } from '../topics.js';

/** An event that is a state: it is stored, so it has an id. */
export type StateEvent<Data = unknown> = PushEvent<Data> & { readonly id: string };

/** How rows and the state of topics correspond. */
export interface RowOptions<Row extends object, Key extends string | number> {
  /** The key of a row, another one for each topic of the pattern. Default: its property `id`. */
  readonly getKey?: (row: Row) => Key;
  /**
   * The topic of a row that is inserted. Default: the pattern, with the row's key in place of its wildcard, if that is one `*`.
   */
  readonly topicOf?: (row: Row) => string;
  /** The row of a topic's state. Default: its data, which has to be an object. */
  readonly toRow?: (event: StateEvent) => Row;
  /** What is published of a row. Default: the row as it is. */
  readonly toData?: (row: Row) => unknown;
}

/** {@link RowOptions} with their defaults. */
export interface RowMapping<Row extends object, Key extends string | number> extends Required<
  RowOptions<Row, Key>
> {
  readonly pattern: string;
}

export function mappingOf<Row extends object, Key extends string | number>(
  pattern: string,
  options: RowOptions<Row, Key>,
): RowMapping<Row, Key> {
  const {
    getKey = (row) => (row as { readonly id: Key }).id,
    topicOf = (row) => filled(pattern, getKey(row)),
    toRow = ({ data }) => data as Row,
    toData = (row) => row,
  } = options;
  const matches = matcher(pattern);
  return {
    pattern,
    getKey,
    toRow,
    toData,
    topicOf: (row) => {
      const topic = topicOf(row);
      if (matches(topic)) return topic;
      // It would be stored, and never come back.
      throw new PushError('INVALID_TOPIC', `${topic} is no topic of ${pattern}.`);
    },
  };
}

/** The pattern with `key` in place of its wildcard. */
function filled(pattern: string, key: string | number): string {
  const tokens = pattern.split('.');
  if (tokens.filter((token) => token === '*' || token === '>').length === 1 && !tokens.includes('>'))
    return tokens.map((token) => (token === '*' ? key : token)).join('.');
  throw new PushError('INVALID_TOPIC', `The topic of a new row of ${pattern} is not clear. Give topicOf.`);
}
