import { historySource, type HistoryView } from '../bindings/history.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { LiveHistoryOptions } from '../live-history.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import { injectPush } from './client.js';
import { injectView, type Signals, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** What {@link injectHistory} returns. */
export interface HistorySignals<Data> extends Signals<HistoryView<Data>> {
  /** Loads the page before the oldest event. It never rejects: `error` says what went wrong, and another call tries again. */
  readonly loadOlder: () => Promise<void>;
}

/**
 * The events of a topic, the newest first: a page of its past, what is new on top, and older pages on request.
 *
 * ```ts
 * readonly lines = injectHistory('rooms.42', { limit: 20 }); // lines.events(), lines.hasOlder()
 * older = () => this.lines.loadOlder();
 * ```
 *
 * @param topic an exact topic
 * @param options the size of a page, the most events, and with `start` the newest page of the first topic, if it is known already
 */
export function injectHistory<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: LiveHistoryOptions<PayloadOf<Topics, Topic>>,
): HistorySignals<PayloadOf<Topics, Topic>>;
/** The same for a signal or function of one. */
export function injectHistory<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  options?: LiveHistoryOptions<PayloadOf<Topics, Topic>>,
): HistorySignals<PayloadOf<Topics, Topic>>;
/** The same for data of a type that is not declared: `injectHistory<Line>('rooms.42')`. */
export function injectHistory<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  options?: LiveHistoryOptions<NoInfer<Data>>,
): HistorySignals<Data>;
export function injectHistory<Data>(
  topic: TopicArgument<string>,
  options: LiveHistoryOptions<Data> = {},
): HistorySignals<Data> {
  const push = injectPush();
  const { view, live } = injectView(topic, (name, isFirst) =>
    historySource<Data>(push, name, isFirst ? options : { ...options, start: undefined }),
  );
  return { ...view, loadOlder: () => live()?.loadOlder() ?? Promise.resolve() };
}
