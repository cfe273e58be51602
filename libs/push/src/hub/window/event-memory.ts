import { SizeClasses } from './size-classes.js';
import { pinnedTopicBytes, type TopicHistory } from './topic-history.js';

/** What the retained events of all topics take in memory, and which topic is to give some of it back. */
export class EventMemory {
  private readonly sizes = new SizeClasses();
  private held = 0;
  private pinned = 0;

  /** About how much memory the events take, in bytes. */
  get bytes(): number {
    return this.held;
  }

  /** How much of that is pinned: state that is kept nowhere else. It is never evicted, and does not count against the bound. */
  get pinnedBytes(): number {
    return this.pinned;
  }

  /** The topic whose events take the most, without those that are pinned. */
  largest(): TopicHistory | undefined {
    return this.sizes.largest();
  }

  /** A topic has got an event, or has one less. */
  resize(history: TopicHistory, by: number, isPinned: boolean): void {
    const before = history.bytes;
    history.bytes += by;
    this.held += by;
    if (isPinned) this.pinned += by + pinnedTopicBytes(history, before);
    else this.sizes.moved(history, before);
  }
}
