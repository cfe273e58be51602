import type { PresenceOptions } from '../contracts/presence.js';
import { mayHavePresence } from '../contracts/reserved.js';
import { covers, isWildcard } from '../contracts/topic.js';

/** What holds for the presence of some topics. */
export type PresenceRule = Required<PresenceOptions>;

const defaults: PresenceRule = { grace: 5_000, max: 1_000, counts: false };

/** Answers whether a topic has presence, and how. Of several rules that match a topic, the first holds. */
export class PresenceRules {
  private readonly rules: readonly {
    readonly pattern: string;
    readonly presence: PresenceRule | undefined;
  }[];

  /** @param topics the rules of the application, with `*` in place of each parameter */
  constructor(
    topics: readonly { readonly pattern: string; readonly presence?: boolean | PresenceOptions }[],
  ) {
    this.rules = topics.map(({ pattern, presence }) => {
      if (!presence) return { pattern, presence: undefined };
      const given = presence === true ? {} : presence;
      const { grace = defaults.grace, max = defaults.max, counts = defaults.counts } = given;
      return { pattern, presence: { grace, max, counts } };
    });
  }

  /** Whether any topic has presence. */
  get areThere(): boolean {
    return this.rules.some(({ presence }) => presence !== undefined);
  }

  /** `undefined` for a pattern, and for a topic that has none. */
  of(topic: string): PresenceRule | undefined {
    if (isWildcard(topic) || !mayHavePresence(topic)) return undefined;
    return this.rules.find(({ pattern }) => covers(pattern, topic))?.presence;
  }
}
