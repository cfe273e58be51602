/* The entry for snapshots: it works with `connect` and with `connectWith`. */

import type { ListenOptions, PushClient, Stop } from './connect.js';
import type { TopicOf } from './declared-topics.js';
import type { Reader } from './events.js';
import type { PushEvent, TopicSnapshot } from './protocol/messages.js';
import type { DeclaredTopic, PayloadOf, SnapshotOf } from './protocol/topic-types.js';
import { PushError } from './push-error.js';

/** What snapshots need of a client. */
export type SnapshotClient = Pick<PushClient, 'read'>;

/**
 * What a topic with snapshots brings:
 *
 * - `snapshot`: the whole state, as the application loads it. It replaces what is there. It comes first, and after every gap
 * - `event`: an event after that
 * - `removed`: the state was removed, which only happens where the topic is a state topic
 */
export type SnapshotStep<Snapshot = unknown, Data = unknown> =
  | ({ readonly kind: 'snapshot' } & TopicSnapshot<Snapshot>)
  | ({ readonly kind: 'event' } & PushEvent<Data>)
  | { readonly kind: 'removed'; readonly topic: string; readonly data?: undefined };

/**
 * Calls `handler` with the state of a topic, as a `@PushSnapshot()` method of the server loads it, and then with every event after
 * that, in order. After a gap a fresh snapshot comes by itself.
 *
 * ```ts
 * const stop = snapshotOf(push, 'orders.42', ({ kind, data }) => {
 *   if (kind === 'snapshot') order = data;
 *   else if (kind === 'event') order = { ...order, ...data };
 * });
 * ```
 *
 * The state may be newer than the first events that follow it, so events should set values and not add to them.
 *
 * @param topic an exact topic
 * @returns a function that ends it. Its promise `live` resolves after the snapshot and what was published meanwhile, and
 * rejects if the server refuses. A snapshot that cannot be loaded now (`SNAPSHOT_FAILED`) goes to the client's `onError`, and is
 * asked for again
 */
export function snapshotOf<const Topic extends string, Topics extends object>(
  push: PushClient<Topics>,
  topic: DeclaredTopic<Topics, Topic>,
  handler: (step: SnapshotStep<SnapshotOf<Topics, Topic>, PayloadOf<Topics, Topic>>) => unknown,
  options?: ListenOptions,
): Stop;
/** The same for data of types that the client does not declare: `snapshotOf<Order, Partial<Order>>(push, 'orders.42', …)`. */
export function snapshotOf<Snapshot = never, Data = Snapshot>(
  push: SnapshotClient,
  topic: TopicOf<Snapshot>,
  handler: (step: SnapshotStep<Snapshot, Data>) => unknown,
  options?: ListenOptions,
): Stop;
export function snapshotOf<Snapshot, Data>(
  push: SnapshotClient,
  topic: string,
  handler: (step: SnapshotStep<Snapshot, Data>) => unknown,
  { signal }: ListenOptions = {},
): Stop {
  let stop = (): unknown => undefined;
  const live = new Promise<void>((resolve, reject) => {
    const load = () => {
      const reader: Reader = {
        next: (event) => handler({ kind: 'event', ...(event as PushEvent<Data>) }),
        notice({ event, data }) {
          if (event === 'snapshot')
            return handler({ kind: 'snapshot', ...(data as TopicSnapshot<Snapshot>) });
          if (event === 'removed') return handler({ kind: 'removed', topic });
          // The server announces a fresh snapshot to a subscription that has begun with one. Another one has to begin with one.
          if (event !== 'gap' || data.snapshot) return undefined;
          stop();
          return load();
        },
        live: resolve,
        end: (error) => reject(error ?? new PushError('CLOSED', 'The client is closed.')),
      };
      stop = push.read(topic, { from: 'snapshot', signal }, reader);
    };
    load();
  });
  // If the caller ignores `live`, `onError` still reports a refusal.
  live.catch(() => undefined);
  return Object.assign(() => void stop(), { live });
}

export type { ListenOptions, Stop } from './connect.js';
export type { PushEvent, TopicSnapshot } from './protocol/messages.js';
export { PushError } from './push-error.js';
