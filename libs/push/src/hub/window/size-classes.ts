import { OrderedSet } from './ordered-set.js';
import type { TopicHistory } from './topic-history.js';

/**
 * Topics by the bytes of their events, in classes of powers of two, so that one of the largest is found at once. When the
 * window is full it loses its oldest events: thus a busy topic does not drive out the history of a quiet one.
 */
export class SizeClasses {
  private readonly classes = Array.from({ length: 54 }, () => new OrderedSet<TopicHistory>());
  /** No class above this one has members. */
  private top = 0;

  /** Updates the class of `history`, which held `before` bytes until now. */
  moved(history: TopicHistory, before: number): void {
    const from = classOf(before);
    const to = classOf(history.bytes);
    if (from === to) return;
    if (before > 0) this.classes[from]!.delete(history);
    if (history.bytes <= 0) return;
    this.classes[to]!.add(history);
    if (to > this.top) this.top = to;
  }

  /** A topic that is at least half as large as the largest. In a class, the one that has been in it for longest. */
  largest(): TopicHistory | undefined {
    while (this.top > 0 && this.classes[this.top]!.size === 0) this.top--;
    return this.classes[this.top]!.first;
  }
}

/** 0 for no bytes, otherwise 1 + the binary logarithm. */
function classOf(bytes: number): number {
  return bytes <= 0 ? 0 : 1 + Math.floor(Math.log2(bytes));
}
