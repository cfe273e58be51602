import { isWildcard } from '../../contracts/topic.js';
import { PatternIndex, PatternWalk } from './pattern-index.js';

/**
 * From a topic to the values of all topics and patterns that cover it: exact topics by a map, patterns by their shapes. One of
 * them comes or goes by itself, whatever else there is.
 */
export class TopicIndex<T> {
  private readonly exact = new Map<string, T>();
  private readonly wildcards = new PatternIndex<T>();

  /** How many topics and patterns have values. */
  get size(): number {
    return this.exact.size + this.wildcards.size;
  }

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

  /** The value of a topic itself. */
  at(topic: string): T | undefined {
    return this.exact.get(topic);
  }

  /** For walks to the values of the patterns that cover a topic, one after the other. */
  walk(): PatternWalk<T> {
    return new PatternWalk(this.wildcards);
  }

  get hasWildcards(): boolean {
    return this.wildcards.size > 0;
  }
}
