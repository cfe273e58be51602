import type { QueryKey } from '@tanstack/query-core';
import type { PushEvent } from '../protocol/messages.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';

/** What events do to queries. */
export interface QueryUpdate<Data = unknown> {
  /** The queries that a pattern is about: all whose key begins with it. */
  readonly key: QueryKey;
  /** The queries that an event is about: all whose key begins with what it returns; `undefined` for none. Default: `key`. */
  of?(event: PushEvent<Data>): QueryKey | undefined;
  /**
   * Returns the new data of the query of the event (the one whose key is exactly that), in place of asking for it. Called if the query
   * has data, `old`, which it must not change. Default: the queries are invalidated.
   */
  set?(event: PushEvent<Data>, old: unknown): unknown;
}

/** What the events of a pattern do: invalidate the queries whose key begins so, or more. */
export type QueryBinding<Data = unknown> = QueryKey | QueryUpdate<Data>;

/** A binding of each pattern, typed by what the client declares. Patterns that share nothing with the declarations do not compile. */
export type QueryBindings<Topics extends object, Patterns extends string> = {
  readonly [Pattern in Patterns]: DeclaredTopic<Topics, Pattern> extends Pattern
    ? QueryBinding<PayloadOf<Topics, Pattern>>
    : never;
};

export function updateOf(binding: QueryBinding<never>): QueryUpdate {
  return (Array.isArray(binding) ? { key: binding as QueryKey } : binding) as QueryUpdate;
}
