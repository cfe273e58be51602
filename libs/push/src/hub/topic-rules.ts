import type { Retention, RetentionRules } from '../contracts/retention.js';
import { covers } from '../contracts/topic.js';

/**
 * What happens to a reader that is so slow that events are gone before it took them: `gap` tells it and goes on with
 * what is retained, `disconnect` ends its connection, `latest` tells it and goes on with the newest event of each topic.
 */
export type SlowPolicy = 'gap' | 'disconnect' | 'latest';

/** A rule for the topics that match `pattern`. Of several rules that match, the first holds. */
export interface TopicRule {
  readonly pattern: string;
  readonly retention?: Partial<Retention>;
  readonly slow?: SlowPolicy;
}

/** The rules of an application's topics, and what holds where none of them matches. */
export class TopicRules implements RetentionRules {
  /** Topics with the same rule share one object: the window keeps the events of each apart. */
  private readonly retentions: readonly { readonly pattern: string; readonly retention: Retention }[];

  constructor(
    private readonly rules: readonly TopicRule[],
    private readonly retention: Retention,
  ) {
    this.retentions = rules.map((rule) => ({
      pattern: rule.pattern,
      retention: { ...retention, ...rule.retention },
    }));
  }

  of(topic: string): Retention {
    return this.retentions.find((rule) => covers(rule.pattern, topic))?.retention ?? this.retention;
  }

  get largest(): Retention {
    const all = [this.retention, ...this.retentions.map(({ retention }) => retention)];
    return {
      events: Math.max(...all.map(({ events }) => events)),
      age: Math.max(...all.map(({ age }) => age)),
    };
  }

  slowPolicyOf(pattern: string): SlowPolicy {
    return this.rules.find((rule) => covers(rule.pattern, pattern))?.slow ?? 'gap';
  }
}
