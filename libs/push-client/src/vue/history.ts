import { historySource, type HistoryView } from '../bindings/history.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { LiveHistoryOptions } from '../live-history.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import { usePush } from './client.js';
import { refsOf, useSource, type Refs, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** What {@link useHistory} returns. */
export interface HistoryRefs<Data> extends Refs<HistoryView<Data>> {
  /** Loads the page before the oldest event. It never rejects: `error` says what went wrong, and another call tries again. */
  readonly loadOlder: () => Promise<void>;
}

/**
 * The events of a topic, the newest first: a page of its past, what is new on top, and older pages on request.
 *
 * ```ts
 * const { events, hasOlder, loadOlder } = useHistory('rooms.42', { limit: 20 });
 * ```
 *
 * @param topic an exact topic
 * @param options the size of a page, the most events, and with `start` the newest page of the first topic, if it is known already
 */
export function useHistory<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: LiveHistoryOptions<PayloadOf<Topics, Topic>>,
): HistoryRefs<PayloadOf<Topics, Topic>>;
/** The same for a ref or getter of one. */
export function useHistory<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  options?: LiveHistoryOptions<PayloadOf<Topics, Topic>>,
): HistoryRefs<PayloadOf<Topics, Topic>>;
/** The same for data of a type that is not declared: `useHistory<Line>('rooms.42')`. */
export function useHistory<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  options?: LiveHistoryOptions<NoInfer<Data>>,
): HistoryRefs<Data>;
export function useHistory<Data>(
  topic: TopicArgument<string>,
  options: LiveHistoryOptions<Data> = {},
): HistoryRefs<Data> {
  const push = usePush();
  const { value, live } = useSource(topic, (name, isFirst) =>
    historySource<Data>(push, name, isFirst ? options : { ...options, start: undefined }),
  );
  return { ...refsOf(value), loadOlder: () => live()?.loadOlder() ?? Promise.resolve() };
}
