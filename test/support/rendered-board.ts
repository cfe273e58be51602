import { connect, type PushClient } from 'nestjs-push-client';
import {
  PushProvider,
  useEvents,
  useHistory,
  useLatest,
  usePushStatus,
  useStateMap,
} from 'nestjs-push-client/react';
import type { HistoryPage, LatestStart, StateStart } from 'nestjs-push-client/react';
import { createElement, Suspense, type ReactElement } from 'react';

/** What a server gives to the page that it renders. */
export interface BoardStart {
  readonly news: HistoryPage<string>;
  readonly latest: LatestStart<string>;
  readonly board: StateStart<string>;
}

/** A module of server and page alike, as applications have it. */
export const push: PushClient = connect('/push', { lazy: true, tabs: false });

/** What `useEvents` of the page has handled. */
export const handled: string[] = [];

function News({ start }: { readonly start: BoardStart }): ReactElement {
  const { events, isLoading } = useHistory<string>('news.a', { start: start.news });
  const latest = useLatest<string>('news.b', { start: start.latest });
  const { entries } = useStateMap<string>('board.*', { start: start.board });
  const { status } = usePushStatus();
  useEvents<string>('news.a', (data) => handled.push(data), { from: start.news.events.at(-1)?.id });
  const news = events.map(({ data }) => data);
  return createElement('pre', { id: 'out' }, JSON.stringify([news, isLoading, latest, [...entries], status]));
}

function Late(): ReactElement {
  return createElement('pre', { id: 'late' }, JSON.stringify(useLatest<string>('news.b', { suspend: true })));
}

export function Board({ start }: { readonly start: BoardStart }): ReactElement {
  const late = createElement(Suspense, { fallback: createElement('i', null, 'wait') }, createElement(Late));
  return createElement(PushProvider, { push }, createElement(News, { start }), late);
}
