import { inject, NgZone } from '@angular/core';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { Reader } from '../events.js';
import type { GapNotice } from '../protocol/gap.js';
import type { Ended, PushEvent } from '../protocol/messages.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import type { Start } from '../protocol/topics.js';
import type { PushError } from '../push-error.js';
import { injectPush } from './client.js';
import { openShown } from './shown.js';
import { topicOf, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** Options of `injectEvents`. */
export interface InjectEventsOptions {
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
 * Calls `handler` with each event of a topic or pattern, once and in order, as `on` of the client does, until the component, or
 * whatever else the injection context belongs to, is destroyed. The handler runs in Angular's zone, if there is one.
 *
 * ```ts
 * constructor() {
 *   injectEvents('orders.*', (order) => this.toast(order.status));
 * }
 * ```
 *
 * Errors that it throws go to the client's `onError`.
 */
export function injectEvents<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  handler: (data: PayloadOf<Topics, Topic>, event: PushEvent<PayloadOf<Topics, Topic>>) => unknown,
  options?: InjectEventsOptions,
): void;
/** The same for a signal or function of one. */
export function injectEvents<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  handler: (data: PayloadOf<Topics, Topic>, event: PushEvent<PayloadOf<Topics, Topic>>) => unknown,
  options?: InjectEventsOptions,
): void;
/** The same for data of a type that is not declared: `injectEvents<Order>('orders.42', …)`. */
export function injectEvents<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  handler: (data: NoInfer<Data>, event: PushEvent<NoInfer<Data>>) => unknown,
  options?: InjectEventsOptions,
): void;
export function injectEvents(
  topic: TopicArgument<string>,
  handler: (data: never, event: PushEvent<never>) => unknown,
  { from, onGap, onEnded, onRefused }: InjectEventsOptions = {},
): void {
  const push = injectPush();
  const zone = inject(NgZone);
  const reader: Reader = {
    next: (event) => zone.run(() => handler(event.data as never, event as PushEvent<never>)),
    notice({ event, data }) {
      if (event === 'gap') zone.run(() => onGap?.(data));
      if (event === 'ended') zone.run(() => onEnded?.(data));
    },
    end: (error) => error && zone.run(() => onRefused?.(error)),
  };
  openShown(() => {
    const name = topicOf(topic);
    return () => name && push.read(name, { from }, reader);
  });
}
