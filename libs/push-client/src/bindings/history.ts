import type { AnyClient } from './any-client.js';
import { historyOf, type HistoryPage } from '../history.js';
import { LiveHistory, type LiveHistoryOptions } from '../live-history.js';
import { sourceOf, type Source } from './source.js';

/** The events of a topic, for components to show: what {@link LiveHistory} has of these names. */
export type HistoryView<Data> = Pick<
  LiveHistory<Data>,
  'events' | 'hasOlder' | 'isLoading' | 'isLive' | 'gap' | 'ended' | 'error'
>;

/** The newest events of `topic`, and what is new on top. */
export function historySource<Data>(
  push: AnyClient,
  topic: string,
  options: LiveHistoryOptions<Data> = {},
): Source<LiveHistory<Data>, HistoryView<Data>> {
  const { limit, most, start } = options;
  const from = start && `${start.events.at(-1)?.id}`;
  return sourceOf(push, `history ${limit} ${most} ${from} ${topic}`, {
    initial: {
      events: [...(start?.events ?? [])].reverse(),
      hasOlder: start?.before !== undefined,
      isLoading: !start,
      isLive: false,
      gap: start?.gap,
      ended: undefined,
      error: undefined,
    },
    open() {
      const read = historyOf(push.url, push.options);
      return new LiveHistory<Data>(
        push,
        topic,
        (page) => read(topic, page) as Promise<HistoryPage<Data>>,
        options,
      );
    },
    read: ({ events, hasOlder, isLoading, isLive, gap, ended, error }) => ({
      events,
      hasOlder,
      isLoading,
      isLive,
      gap,
      ended,
      error,
    }),
  });
}
