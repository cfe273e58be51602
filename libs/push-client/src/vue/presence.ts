import { presenceSource, type PresenceView } from '../bindings/presence.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { PresenceOptions } from '../live-presence.js';
import type { DeclaredTopic, PresenceOf } from '../protocol/topic-types.js';
import { usePush } from './client.js';
import { refsOf, useSource, type Refs, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** What {@link usePresence} returns. */
export interface PresenceRefs<Data> extends Refs<PresenceView<Data>> {
  /**
   * Says something about this page that the others see: any JSON, 1 KiB at most; `null` takes it back. It is said again when the
   * connection, the topic or the component comes back. What the server refuses goes to the client's `onError`.
   *
   * @throws PushError `DATA_NOT_SERIALIZABLE`
   */
  readonly set: (data: Data | null) => void;
}

/**
 * Who reads a topic. The page is there too, as long as the component is mounted and `<KeepAlive>` does not hide it.
 *
 * ```ts
 * const { users, count, set } = usePresence('rooms.42');
 * set({ typing: true });
 * ```
 *
 * @param topic an exact topic; the server's rule for it needs `presence`
 * @param options with `join: false` it only looks, until it calls `set`
 */
export function usePresence<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: Pick<PresenceOptions, 'join'>,
): PresenceRefs<PresenceOf<Topics, Topic>>;
/** The same for a ref or getter of one. */
export function usePresence<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  options?: Pick<PresenceOptions, 'join'>,
): PresenceRefs<PresenceOf<Topics, Topic>>;
/** The same for data of a type that is not declared: `usePresence<Status>('rooms.42')`. */
export function usePresence<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  options?: Pick<PresenceOptions, 'join'>,
): PresenceRefs<Data>;
export function usePresence<Data>(
  topic: TopicArgument<string>,
  { join = true }: Pick<PresenceOptions, 'join'> = {},
): PresenceRefs<Data> {
  const push = usePush();
  /** What is said, also before it is open; `undefined` until then. */
  let said: Data | null | undefined;
  const { value, live } = useSource(topic, (name) => presenceSource<Data>(push, name, join), {
    closesHidden: true,
    opened: (presence) => said !== undefined && presence.set(said),
  });
  const set = (data: Data | null) => {
    said = data;
    live()?.set(data);
  };
  return { ...refsOf(value), set };
}
