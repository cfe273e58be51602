import { OrderedSet } from './ordered-set.js';
import type { TopicHistory } from './topic-history.js';

/**
 * Topics by how many bytes they hold, in classes of powers of two, so that a topic of the largest class is found at
 * once. It pays when the window is full: a chatty topic never drives out a quiet one's history.
 */
export class SizeClasses {
  private readonly classes = Array.from({ length: 54 }, () => new OrderedSet<TopicHistory>());

  /** Tells that `history` held `before` bytes and now holds what it says. */
  moved(history: TopicHistory, before: number): void {
    const from = classOf(before);
    const to = classOf(history.bytes);
    if (from === to) return;
    if (before > 0) this.classes[from]!.delete(history);
    if (history.bytes > 0) this.classes[to]!.add(history);
  }

  /** A topic that is at least half as large as the largest; among equals, one that has been so for longest. */
  largest(): TopicHistory | undefined {
    return this.classes.findLast((histories) => histories.size > 0)?.first;
  }
}

/** 0 for nothing, else 1 + the binary logarithm. */
function classOf(bytes: number): number {
  return bytes <= 0 ? 0 : 1 + Math.floor(Math.log2(bytes));
}
