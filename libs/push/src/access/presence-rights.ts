import type { Principal } from '../contracts/principal.js';
import { presenceOf } from '../contracts/reserved.js';
import { overlaps } from '../contracts/topic.js';
import type { DeclaredPolicy } from './application-classes.js';
import type { TopicContext } from './topic-policy.js';

/** A policy that is to be asked whether a principal may see who reads a topic. */
export type PresenceQuestion = (context: TopicContext) => boolean | Promise<boolean>;

/**
 * Who may see who is there: whoever may read the topics that a pattern of presence is about, unless a policy of theirs refuses
 * (`TopicPolicy.canSeePresence`).
 */
export class PresenceRights {
  /** @param ruled the patterns of the rules with presence */
  constructor(private readonly ruled: readonly string[]) {}

  /** The topics and patterns that a client must be able to read for `pattern`; `undefined` if it is about no presence. */
  topicsOf(pattern: string): readonly string[] | undefined {
    return this.ruled.length > 0 ? presenceOf(pattern, this.ruled) : undefined;
  }

  /**
   * What policies have to be asked about the presence of `topic`, which the client may read.
   *
   * @returns `undefined` if it is denied: a policy cannot be asked about a client without a principal, nor about a pattern that
   * names no topic
   */
  questions(
    topic: string,
    principal: Principal | undefined,
    policies: readonly DeclaredPolicy[],
  ): readonly PresenceQuestion[] | undefined {
    const questions: PresenceQuestion[] = [];
    for (const { policy, pattern, match } of policies) {
      if (!policy.canSeePresence || !overlaps(pattern, topic)) continue;
      const params = match(topic);
      if (!params || !principal) return undefined;
      questions.push((context) => policy.canSeePresence!(principal, params, context));
    }
    return questions;
  }
}
