import { isReserved } from '../../contracts/topic.js';

/** One token that patterns have in common, and the tokens that follow it. */
class Branch {
  readonly tokens = new Map<string, Branch>();
  /** After "*". */
  any: Branch | undefined;
  /** Patterns that end here, and those that end here with ">". */
  readonly ends: string[] = [];
  readonly rests: string[] = [];
}

/** A set of patterns that tells which of them match a topic. Patterns that begin alike share their branches. */
export class PatternTree {
  private readonly root = new Branch();
  /** The cost of matching: how many branches were looked at since this was set to 0. */
  steps = 0;

  constructor(patterns: Iterable<string>) {
    for (const pattern of patterns) this.add(pattern);
  }

  /** The patterns that match `topic`. */
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
