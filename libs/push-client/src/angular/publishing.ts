import { untracked, type Signal } from '@angular/core';
import type { PendingEvent } from '../bindings/live-publishing.js';
import { publishingSource } from '../bindings/publishing.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PublishedBy } from '../protocol/topic-types.js';
import type { PublishOptions } from '../publisher.js';
import { injectPush } from './client.js';
import { injectSource, topicOf, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** What {@link injectPublish} returns. */
export interface Publishing<Data> {
  /**
   * Publishes an event, as `publish` of the client does. It is pending at once. An error stays with the pending event, so the promise
   * may be ignored.
   */
  readonly publish: (data: Data, options?: PublishOptions) => Promise<string | undefined>;
  /** What has not come back yet, in the order of the calls, with `error`, `retry()` and `discard()`. */
  readonly pending: Signal<readonly PendingEvent<Data>[]>;
}

/**
 * Publishes to a topic, and shows what is under way until the event itself comes back.
 *
 * ```ts
 * readonly lines = injectPublish('rooms.42'); // lines.pending()
 * say = (text: string) => void this.lines.publish({ text });
 * ```
 *
 * What is under way when the component is destroyed is published all the same; an error of it goes to the client's `onError`.
 *
 * @param topic an exact topic. It is read, where the page may, to see the events come back
 */
export function injectPublish<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
): Publishing<PublishedBy<Topics, Topic>>;
/** The same for a signal or function of one. */
export function injectPublish<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
): Publishing<PublishedBy<Topics, Topic>>;
/** The same for data of a type that is not declared: `injectPublish<Line>('rooms.42')`. */
export function injectPublish<Data = never>(topic: TopicArgument<TopicOf<Data>>): Publishing<Data>;
export function injectPublish<Data>(topic: TopicArgument<string>): Publishing<Data> {
  const push = injectPush();
  const { value, live } = injectSource(topic, (name) => publishingSource<Data>(push, name));
  const publish = (data: Data, options?: PublishOptions) => {
    const open = live();
    if (open) return open.publish(data, options);
    // It is not shown yet, or not any more.
    const answer = push.publish((untracked(() => topicOf(topic)) ?? '') as never, data as never, options);
    answer.catch(push.onError);
    return answer;
  };
  return { publish, pending: value };
}
