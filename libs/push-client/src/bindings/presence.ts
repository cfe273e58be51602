import type { AnyClient } from './any-client.js';
import { LivePresence, type PresentUser } from '../live-presence.js';
import type { PushError } from '../push-error.js';
import { sourceOf, type Source } from './source.js';

/** Who reads a topic, for components to show. */
export interface PresenceView<Data> {
  /** The users who are there. */
  readonly users: readonly PresentUser<Data>[];
  /** How many clients are there, also where there are so many that the server only counts them. */
  readonly count: number;
  /** Whether it has everything up to now. `false` while there is no connection: what is shown may be stale. */
  readonly isLive: boolean;
  /** Why the server has refused it, or taken back the right to it. */
  readonly error: PushError | undefined;
}

/** Who reads `topic`. With `join` the page is there too, as long as it is shown. */
export function presenceSource<Data>(
  push: AnyClient,
  topic: string,
  join: boolean,
): Source<LivePresence<Data>, PresenceView<Data>> {
  return sourceOf(push, `presence ${join} ${topic}`, {
    initial: { users: [], count: 0, isLive: false, error: undefined },
    open: () => new LivePresence<Data>(push, topic, { join }),
    read: (presence) => ({
      users: presence.users(),
      count: presence.count,
      isLive: presence.isLive,
      error: presence.error,
    }),
  });
}
