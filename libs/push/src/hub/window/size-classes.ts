import { OrderedSet } from './ordered-set.js';
import type { TopicHistory } from './topic-history.js';

/**
 * Topics by how many bytes they hold, in classes of powers of two, so that a topic of the largest class is found at
 * once. It pays when the window is full: a chatty topic never drives out a quiet one's history.
 */
export class SizeClasses {
  private readonly classes = Array.from({ length: 54 }, () => new OrderedSet<TopicHistory>());
  /** No class above has members. */
  private top = 0;

  /** Tells that `history` held `before` bytes and now holds what it says. */
  moved(history: TopicHistory, before: number): void {
    const from = classOf(before);
    const to = classOf(history.bytes);
    if (from === to) return;
    if (before > 0) this.classes[from]!.delete(history);
    if (history.bytes <= 0) return;
    this.classes[to]!.add(history);
    if (to > this.top) this.top = to;
  }

  /** A topic that is at least half as large as the largest; among equals, one that has been so for longest. */
  largest(): TopicHistory | undefined {
    while (this.top > 0 && this.classes[this.top]!.size === 0) this.top--;
    return this.classes[this.top]!.first;
  }
}

/** 0 for nothing, else 1 + the binary logarithm. */
function classOf(bytes: number): number {
  return bytes <= 0 ? 0 : 1 + Math.floor(Math.log2(bytes));
}
