import { useMemo } from 'react';
import { presenceSource, type PresenceView } from '../bindings/presence.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PresenceOf } from '../protocol/topic-types.js';
import type { Skip } from './topic.js';
import { useSource } from './use-source.js';

/** Options of `usePresence`. */
export interface UsePresenceOptions {
  /** Whether the page is there too, as long as the component is shown. Default: `true`. */
  readonly join?: boolean;
}

/** Who reads a topic, and how the page says something of itself. */
export interface UsePresence<Data> extends PresenceView<Data> {
  /**
   * Says something about this page that the others see. Any JSON, 1 KiB at most; `null` takes it back. Without `join` the page
   * joins by it. All components that show the topic are one page. It does nothing before the component is shown, so call it in
   * handlers and effects. It is always the same function.
   *
   * @throws PushError `DATA_NOT_SERIALIZABLE`
   */
  readonly set: (data: Data | null) => void;
}

/**
 * Who reads a topic, folded by user, as `presenceOf` has it.
 *
 * ```tsx
 * const { users, count, set } = usePresence('rooms.42');
 * return <input onFocus={() => set({ typing: true })} onBlur={() => set(null)} />;
 * ```
 *
 * @param topic an exact topic; nothing is read while it is `undefined`, `null`, `false` or empty
 */
export function usePresence<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: UsePresenceOptions,
): UsePresence<PresenceOf<Topics, Topic>>;
/** The same for data of a type that is not declared: `usePresence<Typing>('rooms.42')`. */
export function usePresence<Data = never>(
  topic: TopicOf<Data> | Skip,
  options?: UsePresenceOptions,
): UsePresence<Data>;
export function usePresence<Data>(
  topic: string | Skip,
  { join = true }: UsePresenceOptions = {},
): UsePresence<Data> {
  const [view, source] = useSource(topic, (push, topic) => presenceSource<Data>(push, topic, join), {
    option: join,
  });
  const set = useMemo(() => (data: Data | null) => source.live?.set(data), [source]);
  return { ...view, set };
}
