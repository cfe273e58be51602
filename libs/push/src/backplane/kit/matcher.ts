import { setImmediate as turn } from 'node:timers/promises';
import { PatternTree } from './pattern-tree.js';

/** How many branches are looked at in one go, before other work gets its turn: about a millisecond. */
const stepsAtOnce = 20_000;

/** Finds the patterns that match a topic, for a history. It yields to the event loop where there is much to match. */
export class Matcher {
  private readonly tree: PatternTree;

  constructor(patterns: Iterable<string>) {
    this.tree = new PatternTree(patterns);
  }

  /** The patterns that match `topic`. */
  matching(topic: string): string[] {
    return this.tree.matching(topic);
  }

  /** Whether any pattern matches `topic`. */
  has(topic: string): boolean {
    return this.tree.matching(topic).length > 0;
  }

  /** To be awaited between topics: resolves after a turn of the event loop if one is due, else it returns `undefined`. */
  pause(): Promise<unknown> | undefined {
    if (this.tree.steps < stepsAtOnce) return undefined;
    this.tree.steps = 0;
    return turn();
  }

  /** Notes in `lost` that each pattern which matches `topic` lost the event at `sequence`: see `HistoryPage.lost`. */
  addLoss(lost: Map<string, number>, topic: string, sequence: number): void {
    for (const pattern of this.matching(topic)) lost.set(pattern, Math.max(sequence, lost.get(pattern) ?? 0));
  }

  /** The items with a topic that matches. */
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
