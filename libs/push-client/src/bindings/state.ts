import type { AnyClient } from './any-client.js';
import { LiveState, type StateStart } from '../live-state.js';
import type { PushError } from '../push-error.js';
import { sourceOf, type Source } from './source.js';

/** The state of a pattern, for components to show. */
export interface StateView<Data> {
  /** Topic → data. The same object until something changes. */
  readonly entries: ReadonlyMap<string, Data>;
  /** Whether it has everything up to now. `false` while there is no connection: what is shown may be stale. */
  readonly isLive: boolean;
  /** Why the server has refused it, or taken back the right to it. */
  readonly error: PushError | undefined;
}

/** The state of `pattern`. With `start` it begins with what a server has rendered. */
export function stateSource<Data>(
  push: AnyClient,
  pattern: string,
  start?: StateStart<Data>,
): Source<LiveState<Data>, StateView<Data>> {
  return sourceOf(push, `state ${start?.id} ${pattern}`, {
    initial: { entries: new Map(start?.entries), isLive: false, error: undefined },
    open: () => new LiveState<Data>(push, pattern, { start }),
    read: ({ snapshot, isLive, error }) => ({ entries: snapshot, isLive, error }),
  });
}

/** What a server has rendered of one topic. */
export interface LatestStart<Data> {
  readonly data: Data;
  /** The id of the event that carries it, or of a later one: a page goes on after it. */
  readonly id: string;
}

/** The newest data of `topic`; `undefined` while there is none. */
export function latestSource<Data>(
  push: AnyClient,
  topic: string,
  start?: LatestStart<Data>,
): Source<LiveState<Data>, Data | undefined> {
  return sourceOf(push, `latest ${start?.id} ${topic}`, {
    initial: start?.data,
    open: () =>
      new LiveState<Data>(push, topic, { start: start && { entries: [[topic, start.data]], id: start.id } }),
    read: (state) => state.get(topic),
  });
}
