import { PushError } from '../contracts/errors.js';
import { covers } from '../contracts/topic.js';

/** Who may subscribe to a topic by asking for it: `public` means everyone. Nobody may ask for a topic without a rule. */
export type Access = 'public';

/** Opens the topics that match `pattern`. */
export interface AccessRule {
  readonly pattern: string;
  readonly access?: Access;
}

/** Decides what clients get of what they ask for. Deny is the default. */
export class TopicAccess {
  private readonly open: readonly string[];

  constructor(rules: readonly AccessRule[]) {
    this.open = rules.filter(({ access }) => access === 'public').map(({ pattern }) => pattern);
  }

  /**
   * A pattern is granted only if one rule covers all that it can match.
   *
   * @throws PushError `FORBIDDEN`, with the same words whether the topic exists or not
   */
  assertMaySubscribe(patterns: readonly string[]): void {
    const denied = patterns.filter((pattern) => !this.open.some((open) => covers(open, pattern)));
    if (denied.length === 0) return;
    throw new PushError('FORBIDDEN', `Not allowed to subscribe to ${denied.join(', ')}.`);
  }
}
