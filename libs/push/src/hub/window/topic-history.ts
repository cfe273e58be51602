import { LogEvent } from '../../contracts/event.js';
import type { TopicRetention } from '../../contracts/retention.js';
import { Deque } from './deque.js';
import type { TopicNode } from './topic-tree.js';

/** An event in the window. */
export interface Entry {
  readonly sequence: number;
  /** Replaced by `nothing` when the entry is evicted: other lists may hold the entry for longer, and must not hold its data. */
  event: LogEvent;
  readonly history: TopicHistory;
  /** When it reached this node, in milliseconds of this node's clock: a wrong clock elsewhere must not shorten history. */
  readonly arrived: number;
  readonly bytes: number;
}

/** Takes the place of an event that is evicted. */
export const nothing = new LogEvent('', 0, '', undefined, '');

/**
 * The retained events of one topic. Entries leave it oldest first, except for those of a publisher that exceeds its share. The
 * newest loss is kept in `node.lost`: a reader that had not come so far has missed an event.
 */
export class TopicHistory {
  readonly entries = new Deque<Entry>();
  bytes = 0;

  constructor(
    readonly topic: string,
    readonly retention: TopicRetention,
    readonly node: TopicNode<TopicHistory>,
  ) {}
}

/** Whether an entry is evicted. */
export function isGone({ event }: Entry): boolean {
  return event === nothing;
}

/** Whether any event of a topic is retained. */
export function hasEvents({ entries }: TopicHistory): boolean {
  return entries.length > 0;
}

/** Compares entries by their order in the log. */
export function bySequence(a: Entry, b: Entry): number {
  return a.sequence - b.sequence;
}
