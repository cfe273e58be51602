import type { QueryClient } from '@tanstack/query-core';
import type { ListenOptions, PushClient, Stop } from '../connect.js';
import type { Reader } from '../events.js';
import { PushError } from '../push-error.js';
import { Invalidations } from './invalidations.js';
import { updateOf, type QueryBinding, type QueryBindings, type QueryUpdate } from './query-binding.js';

/** What bound queries need of a client. */
export type QuerySource = Pick<PushClient, 'read' | 'onError'>;

/**
 * Has events invalidate queries of TanStack Query, or set their data.
 *
 * ```ts
 * const stop = bindQueries(queryClient, push, {
 *   'orders.*': ['orders'], // invalidates all queries whose key begins with 'orders'
 *   'stock.*': { key: ['stock'], of: ({ topic }) => ['stock', topic.split('.')[1]] }, // only the one of the event
 *   'prices.*': { key: ['price'], of: ({ topic }) => ['price', topic], set: ({ data }) => data }, // asks for nothing
 * });
 * ```
 *
 * Events of one turn of the event loop invalidate a key once, and a query that is being asked for again is not interrupted. After a gap,
 * and when a state was removed, all queries of the pattern's `key` are invalidated, once; and so are those when the subscription
 * begins: what was asked for before may be older. Queries that nobody observes are only marked. Errors of the functions go to the client's `onError`.
 *
 * @param options `signal` ends it
 * @returns a function that ends it. Its promise `live` resolves when the server has confirmed all patterns, and rejects if it refuses one
 */
export function bindQueries<Topics extends object, const Patterns extends string>(
  queryClient: QueryClient,
  push: PushClient<Topics>,
  bindings: QueryBindings<Topics, Patterns>,
  options?: ListenOptions,
): Stop;
export function bindQueries(
  queryClient: QueryClient,
  push: QuerySource,
  bindings: Readonly<Record<string, QueryBinding<never>>>,
  { signal }: ListenOptions = {},
): Stop {
  const invalidations = new Invalidations(queryClient, push.onError);
  const stops: (() => unknown)[] = [];
  const lives = Object.entries(bindings).map(
    ([pattern, binding]) =>
      new Promise<void>((resolve, reject) => {
        const update = updateOf(binding);
        const reader: Reader = {
          next: (event) => apply(queryClient, invalidations, update, event),
          notice: ({ event }) => {
            if (event === 'gap' || event === 'removed') invalidations.add(update.key);
          },
          live: () => {
            if (!wasLive) invalidations.add(update.key);
            wasLive = true;
            resolve();
          },
          end: (error) => reject(error ?? new PushError('CLOSED', 'The client is closed.')),
        };
        let wasLive = false;
        stops.push(push.read(pattern, { from: 'now', signal }, reader));
      }),
  );
  const live = Promise.all(lives).then(() => undefined);
  // If the caller ignores `live`, `onError` still reports a refusal.
  live.catch(() => undefined);
  const stop = () => {
    invalidations.stop();
    for (const each of stops) each();
  };
  return Object.assign(stop, { live });
}

function apply(
  client: QueryClient,
  invalidations: Invalidations,
  update: QueryUpdate,
  event: Parameters<Reader['next']>[0],
): void {
  const key = update.of ? update.of(event) : update.key;
  if (key === undefined) return;
  const old: unknown = client.getQueryData(key);
  if (!update.set || old === undefined) return invalidations.add(key);
  client.setQueryData(key, update.set(event, old));
  // An answer that is on its way may be older than the event, and would take its place.
  if (client.isFetching({ queryKey: key, exact: true }) > 0) invalidations.add(key);
}
