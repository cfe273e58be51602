import type { LogEvent } from '../contracts/event.js';
import type { Retention } from '../contracts/retention.js';
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

/** What the window holds of one topic. Entries leave it oldest first, so one number tells what is gone. */
export class TopicHistory {
  readonly entries = new Deque<Entry>();
  bytes = 0;

  constructor(
    readonly topic: string,
    readonly retention: Retention,
    readonly node: TopicNode<TopicHistory>,
  ) {}
}

/** Whether an entry is evicted. */
export function isGone(entry: Entry): boolean {
  return entry.sequence <= entry.history.node.lost;
}
