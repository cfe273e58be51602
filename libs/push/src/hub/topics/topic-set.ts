import { isWildcard } from '../../contracts/topic.js';
import { PatternIndex, PatternWalk } from './pattern-index.js';
import { SetIdentity } from './set-identity.js';

/**
 * A set of topics and patterns, which can be asked whether it covers a topic. Adding or removing one costs the same however
 * many there are.
 */
export class TopicSet {
  private readonly all = new Set<string>();
  private wild: Set<string> | undefined;
  /** Searches the patterns with wildcards. Made when it is first needed. */
  private walk: PatternWalk<true> | undefined;
  private readonly identity = new SetIdentity();
  private isFound = false;

  constructor(patterns: Iterable<string> = []) {
    for (const pattern of patterns) this.add(pattern);
  }

  get size(): number {
    return this.all.size;
  }

  /** The topics and patterns, in the order in which they were added. */
  get patterns(): Iterable<string> {
    return this.all;
  }

  get wildcards(): Iterable<string> {
    return this.wild ?? [];
  }

  get wildcardCount(): number {
    return this.wild?.size ?? 0;
  }

  /** Equal for sets with the same topics and patterns, in whatever order they were added; different for all others. */
  get key(): string {
    return this.identity.of(this.all);
  }

  /** Adds a topic or pattern. Returns whether it is new. */
  add(pattern: string): boolean {
    if (this.all.has(pattern)) return false;
    this.all.add(pattern);
    this.identity.change(pattern);
    if (isWildcard(pattern)) {
      (this.wild ??= new Set()).add(pattern);
      this.walk?.patterns.set(pattern, true);
    }
    return true;
  }

  /** Removes a topic or pattern. Returns whether it was there. */
  delete(pattern: string): boolean {
    if (!this.all.delete(pattern)) return false;
    this.identity.change(pattern);
    if (this.wild?.delete(pattern)) this.walk?.patterns.delete(pattern);
    return true;
  }

  /** Whether one of its topics and patterns covers `topic`. */
  has(topic: string): boolean {
    if (this.all.has(topic)) return true;
    if (!this.wild || this.wild.size === 0) return false;
    this.walk ??= this.newWalk(this.wild);
    this.isFound = false;
    this.walk.begin(topic);
    // One shape at a time, since the first match is enough.
    while (!this.isFound && !this.walk.advance(this.found, 1));
    return this.isFound;
  }

  private readonly found = (): void => {
    this.isFound = true;
  };

  private newWalk(wildcards: Iterable<string>): PatternWalk<true> {
    const patterns = new PatternIndex<true>();
    for (const wildcard of wildcards) patterns.set(wildcard, true);
    return new PatternWalk(patterns);
  }
}
