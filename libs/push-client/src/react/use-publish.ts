import { useMemo } from 'react';
import type { AnyClient } from '../bindings/any-client.js';
import type { PendingEvent } from '../bindings/live-publishing.js';
import { publishingSource } from '../bindings/publishing.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PublishedBy } from '../protocol/topic-types.js';
import type { PublishOptions } from '../publisher.js';
import { usePush } from './provider.js';
import type { Skip } from './topic.js';
import { useSource } from './use-source.js';

/** How a component publishes to a topic, and what of that is on its way. */
export interface UsePublish<Data> {
  /**
   * Publishes an event, as `push.publish` does. It is pending at once. What goes wrong stays with the pending event, so the promise
   * may be ignored. It is always the same function.
   *
   * @returns the id of the stored event; `undefined` for an ephemeral one
   */
  readonly publish: (data: Data, options?: PublishOptions) => Promise<string | undefined>;
  /**
   * What the page has published and has not got back yet, in order: to be shown as if it were there. An event with an `error` stays
   * until `retry` or `discard`. All components that publish to the topic have the same.
   */
  readonly pending: readonly PendingEvent<Data>[];
}

/**
 * Publishes to a topic, and shows what is published at once.
 *
 * ```tsx
 * const { publish, pending } = usePublish('rooms.42');
 * ```
 *
 * It reads the topic, to see its events come back. Where the page may not do that, they are pending until they are stored.
 *
 * @param topic an exact topic; while it is `undefined`, `null`, `false` or empty, `publish` rejects
 */
export function usePublish<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
): UsePublish<PublishedBy<Topics, Topic>>;
/** The same for data of a type that is not declared: `usePublish<NewLine>('rooms.42')`. */
export function usePublish<Data = never>(topic: TopicOf<Data> | Skip): UsePublish<Data>;
export function usePublish<Data>(topic: string | Skip): UsePublish<Data> {
  const push: AnyClient = usePush();
  const [pending, source] = useSource(topic, (push, topic) => publishingSource<Data>(push, topic));
  const publish = useMemo(
    () => (data: Data, options?: PublishOptions) =>
      // A component that is gone may still be waiting for something, and publish then.
      source.live?.publish(data, options) ?? push.publish((topic || '') as never, data as never, options),
    [push, topic, source],
  );
  return { publish, pending };
}
