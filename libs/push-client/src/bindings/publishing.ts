import type { AnyClient } from './any-client.js';
import { LivePublishing, type PendingEvent } from './live-publishing.js';
import { sourceOf, type Source } from './source.js';

/** What this page publishes to `topic`, until it has come back. */
export function publishingSource<Data>(
  push: AnyClient,
  topic: string,
): Source<LivePublishing<Data>, readonly PendingEvent<Data>[]> {
  return sourceOf(push, `publish ${topic}`, {
    initial: [],
    open: () => new LivePublishing<Data>(push, topic),
    read: ({ pending }) => pending,
  });
}
