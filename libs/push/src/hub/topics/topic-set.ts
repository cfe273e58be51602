import { isWildcard } from '../../contracts/topic.js';
import { PatternIndex, PatternWalk } from './pattern-index.js';
import { SetIdentity } from './set-identity.js';

/**
 * A set of topics and patterns that is asked many times whether it holds a topic. What is added or taken out is looked at
 * alone, however many there are.
 */
export class TopicSet {
  private readonly all = new Set<string>();
  private wild: Set<string> | undefined;
  /** The wildcards, from when they are asked first. */
  private walk: PatternWalk<true> | undefined;
  private readonly identity = new SetIdentity();
  private isFound = false;

  constructor(patterns: Iterable<string> = []) {
    for (const pattern of patterns) this.add(pattern);
  }

  get size(): number {
    return this.all.size;
  }

  /** In the order in which they came. */
  get patterns(): Iterable<string> {
    return this.all;
  }

  get wildcards(): Iterable<string> {
    return this.wild ?? [];
  }

  get wildcardCount(): number {
    return this.wild?.size ?? 0;
  }

  /** Equal for equal sets, whatever the order they were made in, and only for those. */
  get key(): string {
    return this.identity.of(this.all);
  }

  /** Returns whether it is new. */
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

  /** Returns whether it was there. */
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
    // One node at a time: most that are found are found soon.
    while (!this.isFound && !this.walk.go(this.found, 1));
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
