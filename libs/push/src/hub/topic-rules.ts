import type { Retention, RetentionRules, TopicRetention } from '../contracts/retention.js';
import { covers, overlaps } from '../contracts/topic.js';

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
  /**
   * The topics are state topics: the newest event of each is its state, and is kept whatever its age. Readers that resume or
   * lag get the newest event alone, and no gap. `retention` and `slow` have no meaning for them. Default: `false`.
   */
  readonly state?: boolean;
  /**
   * For state topics: how long a removal is remembered, in milliseconds. A client that comes back later than that is told to
   * forget what it has, and gets the whole state. Default: one hour.
   */
  readonly tombstones?: number;
}

/** How long the removal of a state is kept, in milliseconds, unless its rule says otherwise. */
const tombstoneAge = 3_600_000;

/** The rules of an application's topics, and what holds where none of them matches. */
export class TopicRules implements RetentionRules {
  /** Topics with the same rule share one object: the window keeps the events of each apart. */
  private readonly retentions: readonly { readonly pattern: string; readonly retention: TopicRetention }[];

  constructor(
    private readonly rules: readonly TopicRule[],
    private readonly retention: Retention,
  ) {
    this.retentions = rules.map((rule) => ({
      pattern: rule.pattern,
      retention: rule.state ? stateRetention(rule) : { ...retention, ...rule.retention },
    }));
  }

  of(topic: string): TopicRetention {
    return this.retentions.find((rule) => covers(rule.pattern, topic))?.retention ?? this.retention;
  }

  /** Whether all topics that match a topic or pattern are state topics. */
  isState(pattern: string): boolean {
    for (const { pattern: own, state = false } of this.rules) {
      if (covers(own, pattern)) return state;
      if (!state && overlaps(own, pattern)) return false;
    }
    return false;
  }

  get hasState(): boolean {
    return this.rules.some(({ state }) => state);
  }

  get largest(): Retention {
    const rules = this.retentions.map(({ retention }) => retention).filter(({ state }) => !state);
    const all = [this.retention, ...rules];
    return {
      events: Math.max(...all.map(({ events }) => events)),
      age: Math.max(...all.map(({ age }) => age)),
    };
  }

  slowPolicyOf(pattern: string): SlowPolicy {
    return this.rules.find((rule) => covers(rule.pattern, pattern))?.slow ?? 'gap';
  }
}

function stateRetention({ tombstones = tombstoneAge }: TopicRule): TopicRetention {
  return { events: 1, age: Infinity, state: { tombstones } };
}
