import type { PushEvent } from '../bus/handled-events.js';
import { PushError } from '../contracts/errors.js';
import { isNamedStart } from '../contracts/start.js';
import type { Start } from '../protocol/topics.js';

/** How `PushPubSub.asyncIterableIterator()` reads. */
export interface SubscriptionOptions<Data = unknown> {
  /**
   * The id of the last event that the client has, usually an argument of the subscription: it gets what came after that. `null` and an
   * empty id count as none. Default: none, and the subscription begins at `from`.
   */
  readonly after?: string | null;
  /**
   * Where a subscription without `after` begins: `now`, `last`, `last:50` (the newest 50 events of each topic, 1,000 at most),
   * `earliest`, or `start` (as `earliest`, with a gap if the beginning of the log is gone). Default: `now`.
   */
  readonly from?: Exclude<Start, 'snapshot'>;
  /**
   * Whether the topics may have wildcards. Allow it only where no part of a topic comes from a client, which could send `>`.
   * Default: `false`.
   */
  readonly wildcards?: boolean;
  /** Which events the subscription gets. Gaps and errors are not asked about: they always come. Default: all events. */
  readonly filter?: (event: PushEvent<Data>) => boolean;
}

/**
 * Where a subscription begins.
 *
 * @throws PushError `INVALID_MESSAGE` for an `after` that is no id, `INVALID_OPTION` for a `from` that a subscription cannot have
 */
export function startOf({ after, from = 'now' }: SubscriptionOptions<never>): Start {
  if (after) {
    // It may come from a client, which has not been asked whether it may read the past.
    if (isNamedStart(after)) throw new PushError('INVALID_MESSAGE', 'after has to be the id of an event.');
    return after;
  }
  if (isNamedStart(from) && from !== 'snapshot') return from;
  const advice =
    'Take now, last, last:n, earliest or start. For the state of a topic, write a query: see docs/graphql.md.';
  throw new PushError(
    'INVALID_OPTION',
    `A subscription cannot begin from ${JSON.stringify(from)}. ${advice}`,
  );
}
