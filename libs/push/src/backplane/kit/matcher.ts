import { setImmediate as turn } from 'node:timers/promises';
import { PatternTree } from './pattern-tree.js';

/** How many branches are looked at before the event loop gets to do something else: about a millisecond. */
const stepsAtOnce = 20_000;

/** Finds what matches some patterns, and lets the event loop have its turns meanwhile. */
export class Matcher {
  private readonly tree: PatternTree;

  constructor(patterns: Iterable<string>) {
    this.tree = new PatternTree(patterns);
  }

  /** The patterns that match `topic`. */
  matching(topic: string): string[] {
    return this.tree.matching(topic);
  }

  /** Whether any pattern does. */
  has(topic: string): boolean {
    return this.tree.matching(topic).length > 0;
  }

  /** Resolves when the event loop has had its turn; `undefined` as long as none is due. To be awaited between topics. */
  pause(): Promise<unknown> | undefined {
    if (this.tree.steps < stepsAtOnce) return undefined;
    this.tree.steps = 0;
    return turn();
  }

  /** Those of `items` whose topic matches. */
  async filter<T>(items: readonly T[], topicOf: (item: T) => string): Promise<T[]> {
    const matching: T[] = [];
    for (const item of items) {
      if (this.has(topicOf(item))) matching.push(item);
      const paused = this.pause();
      if (paused) await paused;
    }
    return matching;
  }
}
