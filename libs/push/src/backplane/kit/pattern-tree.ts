import { isReserved } from '../../contracts/topic.js';

/** A token of some patterns, and what may come after it. */
class Branch {
  readonly tokens = new Map<string, Branch>();
  /** After "*". */
  any: Branch | undefined;
  /** Patterns that end here, and those that end here with ">". */
  readonly ends: string[] = [];
  readonly rests: string[] = [];
}

/** Many topics and patterns that are asked together which of them a topic matches: whatever they share is looked at once. */
export class PatternTree {
  private readonly root = new Branch();
  /** How many branches were looked at since it was set to 0: what matching costs. */
  steps = 0;

  constructor(patterns: Iterable<string>) {
    for (const pattern of patterns) this.add(pattern);
  }

  /** Those that match `topic`. */
  matching(topic: string): string[] {
    const found: string[] = [];
    let branches = [this.root];
    const tokens = topic.split('.');
    // No wildcard stands for the first token of a reserved topic.
    let takesWildcards = !isReserved(topic);
    for (const token of tokens) {
      const next: Branch[] = [];
      for (const branch of branches) {
        if (takesWildcards) found.push(...branch.rests);
        const exact = branch.tokens.get(token);
        if (exact) next.push(exact);
        if (branch.any && takesWildcards) next.push(branch.any);
      }
      takesWildcards = true;
      this.steps += branches.length + 1;
      if (next.length === 0) return found;
      branches = next;
    }
    for (const branch of branches) found.push(...branch.ends);
    return found;
  }

  private add(pattern: string): void {
    let branch = this.root;
    const tokens = pattern.split('.');
    for (const token of tokens) {
      if (token === '>') {
        branch.rests.push(pattern);
        return;
      }
      let next = token === '*' ? branch.any : branch.tokens.get(token);
      if (!next) {
        next = new Branch();
        if (token === '*') branch.any = next;
        else branch.tokens.set(token, next);
      }
      branch = next;
    }
    branch.ends.push(pattern);
  }
}
