import { useEffect, useInsertionEffect, useRef } from 'react';
import type { AnyClient } from '../bindings/any-client.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { GapNotice } from '../protocol/gap.js';
import type { Ended, PushEvent } from '../protocol/messages.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import type { Start } from '../protocol/topics.js';
import type { PushError } from '../push-error.js';
import { usePush } from './provider.js';
import type { Skip } from './topic.js';

/** Options of `useEvents`. The functions may be others at each rendering. */
export interface UseEventsOptions {
  /**
   * Where it begins, as with `push.on`: `now`, `last`, `last:50`, `earliest`, `start`, or the id of an event. It counts when the
   * component comes to the topic: another value later changes nothing. Default: `now`.
   */
  readonly from?: Start;
  /** Events are missing that the server no longer has: called once, before any newer event. */
  readonly onGap?: (gap: GapNotice) => unknown;
  /** The topic has ended, after everything that comes before it. */
  readonly onEnded?: (end: Ended) => unknown;
  /** The server has refused the topic, or taken back the right to it. The client's `onError` is told as well. */
  readonly onRefused?: (error: PushError) => unknown;
}

/**
 * Calls `handler` with each event of a topic or pattern, once and in order, as long as the component is shown. It is always the
 * handler of the latest rendering: another one does not subscribe again. A component that React hides and shows again
 * (`<Activity>`) goes on where it was.
 *
 * ```tsx
 * useEvents('rooms.42', (line) => setLines((lines) => [...lines, line]), { from: 'last:50' });
 * ```
 *
 * Errors that it throws go to the client's `onError`.
 *
 * @param topic nothing is read while it is `undefined`, `null`, `false` or empty
 */
export function useEvents<const Pattern extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Pattern> | Skip,
  handler: (data: PayloadOf<Topics, Pattern>, event: PushEvent<PayloadOf<Topics, Pattern>>) => unknown,
  options?: UseEventsOptions,
): void;
/** The same for data of a type that is not declared: `useEvents<Line>('rooms.42', (line) => …)`. */
export function useEvents<Data = never>(
  topic: TopicOf<Data> | Skip,
  handler: (data: NoInfer<Data>, event: PushEvent<NoInfer<Data>>) => unknown,
  options?: UseEventsOptions,
): void;
export function useEvents<Data>(
  topic: string | Skip,
  handler: (data: Data, event: PushEvent<Data>) => unknown,
  options: UseEventsOptions = {},
): void {
  const push: AnyClient = usePush();
  const latest = useRef({ handler, ...options });
  useInsertionEffect(() => {
    latest.current = { handler, ...options };
  });
  /** Where a component that React hides has been. */
  const place = useRef<{ readonly push: object; readonly topic: string; readonly from: Start }>(undefined);
  useEffect(() => {
    if (!topic) return undefined;
    const left = place.current;
    const from = left?.push === push && left.topic === topic ? left.from : latest.current.from;
    const stop = push.read(
      topic,
      { from },
      {
        next: (event) => latest.current.handler(event.data as Data, event as PushEvent<Data>),
        notice({ event, data }) {
          if (event === 'gap') latest.current.onGap?.(data);
          if (event === 'ended') latest.current.onEnded?.(data);
        },
        end: (error) => error && latest.current.onRefused?.(error),
      },
    );
    return () => {
      place.current = { push, topic, from: stop() };
    };
  }, [push, topic]);
}
