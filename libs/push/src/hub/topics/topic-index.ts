import { isWildcard } from '../../contracts/topic.js';
import { PatternIndex, PatternWalk } from './pattern-index.js';

/**
 * Finds the values of all topics and patterns that cover a topic: exact topics by a map, patterns with wildcards by a
 * `PatternIndex`. Adding or removing one costs the same however many there are.
 */
export class TopicIndex<T> {
  private readonly exact = new Map<string, T>();
  private readonly wildcards = new PatternIndex<T>();

  /** How many topics and patterns have values. */
  get size(): number {
    return this.exact.size + this.wildcards.size;
  }

  /** The value of a topic or pattern itself. */
  get(pattern: string): T | undefined {
    return isWildcard(pattern) ? this.wildcards.get(pattern) : this.exact.get(pattern);
  }

  set(pattern: string, value: T): void {
    if (isWildcard(pattern)) this.wildcards.set(pattern, value);
    else this.exact.set(pattern, value);
  }

  delete(pattern: string): void {
    if (isWildcard(pattern)) this.wildcards.delete(pattern);
    else this.exact.delete(pattern);
  }

  /** As `get`, for a topic that is known to have no wildcards. */
  exactly(topic: string): T | undefined {
    return this.exact.get(topic);
  }

  /** A new walk, which searches the patterns with wildcards for those that cover a topic. It can be used many times. */
  walk(): PatternWalk<T> {
    return new PatternWalk(this.wildcards);
  }

  get hasWildcards(): boolean {
    return this.wildcards.size > 0;
  }
}
