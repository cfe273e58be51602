import { latestSource, type LatestStart } from '../bindings/state.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import type { SuspendOption } from './suspense.js';
import type { Skip } from './topic.js';
import { useSource } from './use-source.js';

/** Options of `useLatest`. */
export interface UseLatestOptions<Data = unknown> extends SuspendOption {
  /** What a server has rendered: its data is there from the first rendering on, and the page goes on after its id. */
  readonly start?: LatestStart<Data>;
}

/** Options of `useLatest` that always has a value. */
type Suspending<Data> = UseLatestOptions<Data> & { readonly suspend: true };

/**
 * The newest data of a topic; `undefined` while there is none, and after its removal.
 *
 * ```tsx
 * const order = useLatest('orders.42');
 * const order = useLatest('orders.42', { suspend: true }); // there when the component is shown
 * ```
 *
 * What the server refuses goes to the client's `onError`, and is thrown with `suspend`; {@link useStateMap} returns it.
 *
 * @param topic an exact topic; nothing is read while it is `undefined`, `null`, `false` or empty
 */
export function useLatest<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic>,
  options: Suspending<PayloadOf<Topics, Topic>>,
): PayloadOf<Topics, Topic>;
export function useLatest<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: UseLatestOptions<PayloadOf<Topics, Topic>>,
): PayloadOf<Topics, Topic> | undefined;
/** The same for data of a type that is not declared: `useLatest<Order>('orders.42')`. */
export function useLatest<Data = never>(topic: TopicOf<Data>, options: Suspending<NoInfer<Data>>): Data;
export function useLatest<Data = never>(
  topic: TopicOf<Data> | Skip,
  options?: UseLatestOptions<NoInfer<Data>>,
): Data | undefined;
export function useLatest<Data>(
  topic: string | Skip,
  { start, suspend }: UseLatestOptions<Data> = {},
): Data | undefined {
  const [data] = useSource(topic, (push, topic) => latestSource<Data>(push, topic, start), {
    isThere: suspend && ((data) => data !== undefined),
  });
  return data;
}
