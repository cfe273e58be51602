import { LogEvent } from '../../contracts/event.js';
import type { TopicRetention } from '../../contracts/retention.js';
import { Deque } from './deque.js';
import type { TopicNode } from './topic-tree.js';

/** An event in the window. */
export interface Entry {
  readonly sequence: number;
  /** Not kept when the entry is evicted, although other lists may know the entry for longer. */
  event: LogEvent;
  readonly history: TopicHistory;
  /** When it came to this node, in milliseconds of its own clock: a wrong clock elsewhere must not shorten history. */
  readonly arrived: number;
  readonly bytes: number;
}

/** In the place of an event that is gone. */
export const nothing = new LogEvent('', 0, '', undefined, '');

/**
 * What the window holds of one topic. Entries leave it oldest first, but for those of a publisher that has more than its
 * share. One number tells what is gone: whoever has not read up to it has lost something.
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

/** For sorting entries as they are in the log. */
export function bySequence(a: Entry, b: Entry): number {
  return a.sequence - b.sequence;
}
