import { watch } from 'vue';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { Reader } from '../events.js';
import type { GapNotice } from '../protocol/gap.js';
import type { Ended, PushEvent } from '../protocol/messages.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import type { Start } from '../protocol/topics.js';
import type { PushError } from '../push-error.js';
import { usePush } from './client.js';
import { whenMounted } from './mounted.js';
import { topicOf, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** Options of `useEvents`. */
export interface UseEventsOptions {
  /**
   * Where each topic begins, as with `push.on`: `now`, `last`, `last:50`, `earliest`, `start`, or the id of an event.
   * Default: `now`.
   */
  readonly from?: Start;
  /** Events are missing that the server no longer has: called once, before any newer event. */
  readonly onGap?: (gap: GapNotice) => unknown;
  /** A topic has ended, after everything that comes before it. */
  readonly onEnded?: (end: Ended) => unknown;
  /** The server has refused the topic, or taken back the right to it. The client's `onError` is told as well. */
  readonly onRefused?: (error: PushError) => unknown;
}

/**
 * Calls `handler` with each event of a topic or pattern, once and in order, as `on` of the client does, as long as the component is
 * mounted. It goes on while `<KeepAlive>` keeps the component.
 *
 * ```ts
 * useEvents(() => `orders.${props.id}`, (order) => toast(order.status));
 * ```
 *
 * Errors that it throws go to the client's `onError`.
 */
export function useEvents<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  handler: (data: PayloadOf<Topics, Topic>, event: PushEvent<PayloadOf<Topics, Topic>>) => unknown,
  options?: UseEventsOptions,
): void;
/** The same for a ref or getter of one. */
export function useEvents<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  handler: (data: PayloadOf<Topics, Topic>, event: PushEvent<PayloadOf<Topics, Topic>>) => unknown,
  options?: UseEventsOptions,
): void;
/** The same for data of a type that is not declared: `useEvents<Order>('orders.42', …)`. */
export function useEvents<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  handler: (data: NoInfer<Data>, event: PushEvent<NoInfer<Data>>) => unknown,
  options?: UseEventsOptions,
): void;
export function useEvents(
  topic: TopicArgument<string>,
  handler: (data: never, event: PushEvent<never>) => unknown,
  { from, onGap, onEnded, onRefused }: UseEventsOptions = {},
): void {
  const push = usePush();
  const reader: Reader = {
    next: (event) => handler(event.data as never, event as PushEvent<never>),
    notice({ event, data }) {
      if (event === 'gap') onGap?.(data);
      if (event === 'ended') onEnded?.(data);
    },
    end: (error) => error && onRefused?.(error),
  };
  whenMounted(() =>
    watch(
      () => topicOf(topic),
      (name, _, onCleanup) => name && onCleanup(push.read(name, { from }, reader)),
      { immediate: true },
    ),
  );
}
