import type { Principal } from '../contracts/principal.js';
import { isOfDashboard, presenceOf, subjectsOf, type RuledPatterns } from '../contracts/reserved.js';
import { overlaps } from '../contracts/topic.js';
import type { DeclaredPolicy } from './application-classes.js';
import type { TopicContext } from './topic-policy.js';

/** A policy that is to be asked whether a principal may see who reads a topic. */
export type PresenceQuestion = (context: TopicContext) => boolean | Promise<boolean>;

/** A rule of the application, as far as reserved topics depend on it. */
interface Rule {
  readonly pattern: string;
  readonly presence?: unknown;
  readonly finite?: boolean;
}

/**
 * Rights to what nodes write about topics: their presence, and their runs. A client that may read the topics has them. A policy of
 * the topics may refuse presence (`TopicPolicy.canSeePresence`).
 */
export class ReservedRights {
  private readonly ruled: RuledPatterns;

  /** @param rules with `*` in place of each parameter */
  constructor(rules: readonly Rule[]) {
    const those = (has: (rule: Rule) => unknown) => rules.filter(has).map(({ pattern }) => pattern);
    this.ruled = { presence: those(({ presence }) => presence), finite: those(({ finite }) => finite) };
  }

  /**
   * The topics and patterns that a client must be able to read for `pattern`; `undefined` if it is about no others. Empty: no
   * client may read it.
   */
  topicsOf(pattern: string): readonly string[] | undefined {
    if (isOfDashboard(pattern)) return [];
    const { presence, finite } = this.ruled;
    return presence.length + finite.length > 0 ? subjectsOf(pattern, this.ruled) : undefined;
  }

  /**
   * What policies have to be asked about `pattern`, which is about `topic`, which the client may read.
   *
   * @returns `undefined` if it is denied: a policy cannot be asked about a client without a principal, nor about a pattern that
   * names no topic
   */
  questions(
    pattern: string,
    topic: string,
    principal: Principal | undefined,
    policies: readonly DeclaredPolicy[],
  ): readonly PresenceQuestion[] | undefined {
    const questions: PresenceQuestion[] = [];
    if (!presenceOf(pattern, this.ruled.presence)) return questions;
    for (const { policy, pattern: own, match } of policies) {
      if (!policy.canSeePresence || !overlaps(own, topic)) continue;
      const params = match(topic);
      if (!params || !principal) return undefined;
      questions.push((context) => policy.canSeePresence!(principal, params, context));
    }
    return questions;
  }
}
