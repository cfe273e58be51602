import { useMemo } from 'react';
import { historySource, type HistoryView } from '../bindings/history.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { LiveHistoryOptions } from '../live-history.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import type { SuspendOption } from './suspense.js';
import type { Skip } from './topic.js';
import { useSource } from './use-source.js';

/** Options of `useHistory`. */
export interface UseHistoryOptions<Data = unknown> extends LiveHistoryOptions<Data>, SuspendOption {}

/** The events of a topic, and how older ones are loaded. */
export interface UseHistory<Data> extends HistoryView<Data> {
  /**
   * Loads the page before the oldest event. Calls while a page is being loaded wait for that one. It never rejects: `error` says
   * what went wrong, and another call tries again. It is always the same function.
   */
  readonly loadOlder: () => Promise<void>;
}

/**
 * The events of a topic, the newest first: its newest page, what is published now on top of it, and older pages as they are
 * asked for. It has no hole and no event twice, whatever happens to the connection.
 *
 * ```tsx
 * const { events, hasOlder, loadOlder } = useHistory('rooms.42', { limit: 20 });
 * ```
 *
 * @param topic an exact topic; nothing is read while it is `undefined`, `null`, `false` or empty
 */
export function useHistory<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: UseHistoryOptions<PayloadOf<Topics, Topic>>,
): UseHistory<PayloadOf<Topics, Topic>>;
/** The same for data of a type that is not declared: `useHistory<Line>('rooms.42')`. */
export function useHistory<Data = never>(
  topic: TopicOf<Data> | Skip,
  options?: UseHistoryOptions<NoInfer<Data>>,
): UseHistory<Data>;
export function useHistory<Data>(
  topic: string | Skip,
  { suspend, ...options }: UseHistoryOptions<Data> = {},
): UseHistory<Data> {
  const { limit, most } = options;
  const [view, source] = useSource(topic, (push, topic) => historySource<Data>(push, topic, options), {
    option: `${limit} ${most}`,
    isThere: suspend && (({ isLoading, error }) => !isLoading && !error),
  });
  const loadOlder = useMemo(() => async () => source.live?.loadOlder(), [source]);
  return { ...view, loadOlder };
}
