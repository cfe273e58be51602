import type { Signal } from '@angular/core';
import { latestSource, stateSource, type LatestStart, type StateView } from '../bindings/state.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { StateStart } from '../live-state.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import { injectPush } from './client.js';
import {
  injectSource,
  injectView,
  type Signals,
  type Skip,
  type TopicArgument,
  type TopicRef,
} from './source.js';

/** Options of {@link injectLatest} and {@link injectStateMap}. */
export interface StartOption<Start> {
  /**
   * What is known already, such as what a server has rendered: it is shown at once, and the page goes on after its `id`. It is that of
   * the first topic. Default: nothing, so the server is asked.
   */
  readonly start?: Start;
}

/**
 * The newest data of a topic; `undefined` while there is none.
 *
 * ```ts
 * readonly id = input.required<string>();
 * readonly order = injectLatest(() => `orders.${this.id()}`);
 * ```
 */
export function injectLatest<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: StartOption<LatestStart<PayloadOf<Topics, Topic>>>,
): Signal<PayloadOf<Topics, Topic> | undefined>;
/** The same for a signal or function of one. */
export function injectLatest<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  options?: StartOption<LatestStart<PayloadOf<Topics, Topic>>>,
): Signal<PayloadOf<Topics, Topic> | undefined>;
/** The same for data of a type that is not declared: `injectLatest<Order>('orders.42')`. */
export function injectLatest<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  options?: StartOption<LatestStart<NoInfer<Data>>>,
): Signal<Data | undefined>;
export function injectLatest<Data>(
  topic: TopicArgument<string>,
  { start }: StartOption<LatestStart<Data>> = {},
): Signal<Data | undefined> {
  const push = injectPush();
  return injectSource(topic, (name, isFirst) => latestSource(push, name, isFirst ? start : undefined)).value;
}

/**
 * What the topics of a pattern are now: the signal `entries` maps each topic to its data, and is another map after each change.
 *
 * ```ts
 * readonly items = injectStateMap('rooms.42.items.*'); // items.entries(), items.isLive()
 * ```
 *
 * @param pattern a topic or pattern; state topics (`state: true` in the server's rules) keep their newest event for ever
 */
export function injectStateMap<const Pattern extends string, Topics extends PushTopics>(
  pattern: DeclaredTopic<Topics, Pattern> | Skip,
  options?: StartOption<StateStart<PayloadOf<Topics, Pattern>>>,
): Signals<StateView<PayloadOf<Topics, Pattern>>>;
/** The same for a signal or function of one. */
export function injectStateMap<const Pattern extends string, Topics extends PushTopics>(
  pattern: TopicRef<DeclaredTopic<Topics, Pattern>>,
  options?: StartOption<StateStart<PayloadOf<Topics, Pattern>>>,
): Signals<StateView<PayloadOf<Topics, Pattern>>>;
/** The same for data of a type that is not declared: `injectStateMap<Item>('rooms.42.items.*')`. */
export function injectStateMap<Data = never>(
  pattern: TopicArgument<TopicOf<Data>>,
  options?: StartOption<StateStart<NoInfer<Data>>>,
): Signals<StateView<Data>>;
export function injectStateMap<Data>(
  pattern: TopicArgument<string>,
  { start }: StartOption<StateStart<Data>> = {},
): Signals<StateView<Data>> {
  const push = injectPush();
  return injectView(pattern, (name, isFirst) => stateSource(push, name, isFirst ? start : undefined)).view;
}
