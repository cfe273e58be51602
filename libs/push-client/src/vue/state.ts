import { toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { latestSource, stateSource, type LatestStart, type StateView } from '../bindings/state.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { StateStart } from '../live-state.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import { usePush } from './client.js';
import { refsOf, useSource, type Refs, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** Options of {@link useLatest} and {@link useStateMap}. */
export interface StartOption<Start> {
  /**
   * What is known already, such as what a server has rendered: it is shown at once, and the page goes on after its `id`. It is that of
   * the first topic. Default: nothing, so the server is asked.
   */
  readonly start?: MaybeRefOrGetter<Start | undefined>;
}

/**
 * The newest data of a topic; `undefined` while there is none.
 *
 * ```ts
 * const order = useLatest(() => `orders.${props.id}`);
 * ```
 */
export function useLatest<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: StartOption<LatestStart<PayloadOf<Topics, Topic>>>,
): ComputedRef<PayloadOf<Topics, Topic> | undefined>;
/** The same for a ref or getter of one. */
export function useLatest<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  options?: StartOption<LatestStart<PayloadOf<Topics, Topic>>>,
): ComputedRef<PayloadOf<Topics, Topic> | undefined>;
/** The same for data of a type that is not declared: `useLatest<Order>('orders.42')`. */
export function useLatest<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  options?: StartOption<LatestStart<NoInfer<Data>>>,
): ComputedRef<Data | undefined>;
export function useLatest<Data>(
  topic: TopicArgument<string>,
  { start }: StartOption<LatestStart<Data>> = {},
): ComputedRef<Data | undefined> {
  const push = usePush();
  return useSource(topic, (name, isFirst) => latestSource(push, name, isFirst ? toValue(start) : undefined))
    .value;
}

/**
 * What the topics of a pattern are now: `entries` maps each topic to its data, and is another map after each change.
 *
 * ```ts
 * const { entries, isLive } = useStateMap('rooms.42.items.*');
 * ```
 *
 * @param pattern a topic or pattern; state topics (`state: true` in the server's rules) keep their newest event for ever
 */
export function useStateMap<const Pattern extends string, Topics extends PushTopics>(
  pattern: DeclaredTopic<Topics, Pattern> | Skip,
  options?: StartOption<StateStart<PayloadOf<Topics, Pattern>>>,
): Refs<StateView<PayloadOf<Topics, Pattern>>>;
/** The same for a ref or getter of one. */
export function useStateMap<const Pattern extends string, Topics extends PushTopics>(
  pattern: TopicRef<DeclaredTopic<Topics, Pattern>>,
  options?: StartOption<StateStart<PayloadOf<Topics, Pattern>>>,
): Refs<StateView<PayloadOf<Topics, Pattern>>>;
/** The same for data of a type that is not declared: `useStateMap<Item>('rooms.42.items.*')`. */
export function useStateMap<Data = never>(
  pattern: TopicArgument<TopicOf<Data>>,
  options?: StartOption<StateStart<NoInfer<Data>>>,
): Refs<StateView<Data>>;
export function useStateMap<Data>(
  pattern: TopicArgument<string>,
  { start }: StartOption<StateStart<Data>> = {},
): Refs<StateView<Data>> {
  const push = usePush();
  return refsOf(
    useSource(pattern, (name, isFirst) => stateSource(push, name, isFirst ? toValue(start) : undefined))
      .value,
  );
}
