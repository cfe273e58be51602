import type { CollectionConfig, UtilsRecord } from '@tanstack/db';
import type { PushClient } from '../connect.js';
import type { TopicOf } from '../declared-topics.js';
import type { StateSource } from '../live-state.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import { PushError } from '../push-error.js';
import { RowMutations, type RowMutation } from './row-mutations.js';
import { mappingOf, type RowOptions } from './row-mapping.js';
import { StateRows, type StateRow } from './state-rows.js';

/** What a collection needs of a client. */
export type CollectionSource = StateSource & Pick<PushClient, 'publish'>;

/** Options of {@link pushCollectionOptions}. */
export interface PushCollectionOptions<
  Source,
  Pattern,
  Row extends object,
  Key extends string | number,
> extends RowOptions<Row, Key> {
  readonly push: Source;
  /** The topics whose state is the collection. Each is a row. They have to be state topics (`state: true` in the server's rules). */
  readonly pattern: Pattern;
}

/** What `collection.utils` has. */
export interface PushCollectionUtils<Key extends string | number = string | number> extends UtilsRecord {
  /** The topic of a row, and the id of the event that it was made of; `undefined` for a row that the server does not have. */
  stateOf(key: Key): Pick<StateRow, 'topic' | 'id'> | undefined;
  /**
   * Publishes what a transaction of `createTransaction` has changed in this collection: for its `mutationFn`. Resolves and rejects as
   * `onInsert`, `onUpdate` and `onDelete` of the collection do.
   */
  publish(transaction: { readonly mutations: readonly RowMutation[] }): Promise<void>;
}

/** The options for `createCollection`. */
export type PushCollection<Row extends object, Key extends string | number> = Omit<
  CollectionConfig<Row, Key, never, PushCollectionUtils<Key>>,
  'utils'
> & { readonly utils: PushCollectionUtils<Key> };

/** The rows of a pattern, where all its topics carry objects. */
type RowOf<Data> = Data extends object ? Data : object;

/**
 * Options that make a collection of TanStack DB of the state topics of a pattern. Each topic is a row.
 *
 * ```ts
 * const items = createCollection(pushCollectionOptions({ push, pattern: 'rooms.42.items.*' }));
 * items.insert({ id: '7', text: 'Milk' }); // publishes to rooms.42.items.7
 * ```
 *
 * The collection begins with the newest event of each topic, and follows what is published and removed. After a gap all rows are
 * replaced in one transaction. A pattern that the server refuses, or a client that is closed, puts the collection into the status
 * `error`; `cleanup()` ends the subscription.
 *
 * What the application inserts, updates and deletes is there at once, and is published if the server still has the state that it
 * was made of (`expect`). It is confirmed once the server's event has come back. A concurrent change of the same row is a
 * `CONFLICT`: `isPersisted.promise` rejects with a `PushError`, and the collection shows what the server has. Who may publish and
 * delete, the server's policies decide (`canPublish`, `canRemove`). Changes wait while there is no connection.
 *
 * @returns options for one call of `createCollection`
 * @throws PushError (mutations reject) `INVALID_TOPIC` for a row whose topic the pattern does not match
 */
export function pushCollectionOptions<
  const Pattern extends string,
  Topics extends object,
  Row extends object = RowOf<PayloadOf<Topics, Pattern>>,
  Key extends string | number = string,
>(
  options: PushCollectionOptions<PushClient<Topics>, DeclaredTopic<Topics, Pattern>, Row, Key>,
): PushCollection<Row, Key>;
/** The same for rows of a type that the client does not declare: `pushCollectionOptions<Item>({ push, pattern })`. */
export function pushCollectionOptions<Row extends object = never, Key extends string | number = string>(
  options: PushCollectionOptions<CollectionSource, TopicOf<Row>, Row, Key>,
): PushCollection<Row, Key>;
export function pushCollectionOptions<Row extends object, Key extends string | number>(
  options: PushCollectionOptions<CollectionSource, string, Row, Key>,
): PushCollection<Row, Key> {
  const { push, pattern } = options;
  const mapping = mappingOf(pattern, options);
  const changes = new RowMutations(push, mapping);
  let rows: StateRows<Row, Key> | undefined;
  let collection: unknown;
  const write = (mutations: readonly RowMutation[]): Promise<void> => {
    if (!rows) throw new PushError('CLOSED', 'The collection is not read: it was cleaned up.');
    return changes.write(rows, mutations);
  };
  const persist = ({ transaction }: { transaction: { mutations: readonly RowMutation[] } }) =>
    write(transaction.mutations);
  return {
    getKey: mapping.getKey,
    sync: {
      rowUpdateMode: 'full',
      sync: (sink) => {
        collection = sink.collection;
        const own = (rows = new StateRows(push, mapping, sink));
        return () => {
          own.close();
          if (rows === own) rows = undefined;
        };
      },
    },
    onInsert: persist,
    onUpdate: persist,
    onDelete: persist,
    utils: {
      stateOf: (key) => rows?.of(key),
      publish: async ({ mutations }) => write(mutations.filter((each) => each.collection === collection)),
    },
  };
}
