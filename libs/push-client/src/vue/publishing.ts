import type { ComputedRef } from 'vue';
import type { PendingEvent } from '../bindings/live-publishing.js';
import { publishingSource } from '../bindings/publishing.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PublishedBy } from '../protocol/topic-types.js';
import type { PublishOptions } from '../publisher.js';
import { usePush } from './client.js';
import { topicOf, useSource, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** What {@link usePublish} returns. */
export interface Publishing<Data> {
  /**
   * Publishes an event, as `publish` of the client does. It is pending at once. An error stays with the pending event, so the promise
   * may be ignored.
   */
  readonly publish: (data: Data, options?: PublishOptions) => Promise<string | undefined>;
  /** What has not come back yet, in the order of the calls, with `error`, `retry()` and `discard()`. */
  readonly pending: ComputedRef<readonly PendingEvent<Data>[]>;
}

/**
 * Publishes to a topic, and shows what is under way until the event itself comes back.
 *
 * ```ts
 * const { publish, pending } = usePublish('rooms.42');
 * void publish({ text: 'Hello' });
 * ```
 *
 * What is under way when the component is unmounted is published all the same; an error of it goes to the client's `onError`.
 *
 * @param topic an exact topic. It is read, where the page may, to see the events come back
 */
export function usePublish<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
): Publishing<PublishedBy<Topics, Topic>>;
/** The same for a ref or getter of one. */
export function usePublish<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
): Publishing<PublishedBy<Topics, Topic>>;
/** The same for data of a type that is not declared: `usePublish<Line>('rooms.42')`. */
export function usePublish<Data = never>(topic: TopicArgument<TopicOf<Data>>): Publishing<Data>;
export function usePublish<Data>(topic: TopicArgument<string>): Publishing<Data> {
  const push = usePush();
  const { value, live } = useSource(topic, (name) => publishingSource<Data>(push, name));
  const publish = (data: Data, options?: PublishOptions) => {
    const open = live();
    if (open) return open.publish(data, options);
    // It is not shown yet, or not any more.
    const answer = push.publish((topicOf(topic) ?? '') as never, data as never, options);
    answer.catch(push.onError);
    return answer;
  };
  return { publish, pending: value };
}
