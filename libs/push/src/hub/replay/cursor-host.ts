import type { LogEvent } from '../../contracts/event.js';
import type { Forerunners } from './forerunners.js';
import type { HistoryReader } from './history-reader.js';
import type { Scheduler } from '../scheduler.js';
import type { Member } from '../fan-out/subscribers.js';
import type { TopicSet } from '../topics/topic-set.js';
import type { Window } from '../window/window.js';

/**
 * What happens to a reader that is so slow that events are gone before it took them: `gap` tells it and goes on with
 * what is retained, `disconnect` ends its connection, `latest` tells it and goes on with the newest event of each topic.
 */
export type SlowPolicy = 'gap' | 'disconnect' | 'latest';

/** Who is counted by its topics. */
export interface Counted {
  /** Equal for those with the same topics; `undefined` for who has none. */
  readonly audience: string | undefined;
  /** What it is counted as: its node's own. */
  counted: string | undefined;
}

/** What a cursor sees of its node. */
export interface CursorHost {
  readonly window: Window;
  readonly scheduler: Scheduler;
  /** What the backplane has besides the window, if it has anything. */
  readonly history: HistoryReader | undefined;
  /** The log; empty as long as it is not known. */
  readonly epoch: string;
  /** Live connections have everything up to this sequence. */
  readonly delivered: number;
  /** Those who may be ahead of this node; `undefined` if nobody can be. */
  readonly forerunners: Forerunners | undefined;
  /** Number of the round of deliveries that is going on, or was the last. */
  readonly round: number;
  /** Gap notices sent. */
  gaps: number;
  print(sequence: number): string;
  slowPolicyOf(pattern: string): SlowPolicy;
  /** The events after `delivered`, in order, whether or not they are retained. */
  undelivered(): Iterable<LogEvent>;
  /** An empty set of topics, of which new events come to `member` while it is live. */
  interestOf(member: Member): TopicSet;
  /** The topics of `cursor` may have changed. */
  count(cursor: Counted): void;
  /** Drops the cursor for good, and what it was interested in. */
  forget(cursor: Member, interest: TopicSet): void;
}
