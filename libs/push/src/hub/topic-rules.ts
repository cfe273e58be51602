import type { Retention, RetentionRules, StateRules, TopicRetention } from '../contracts/retention.js';
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
   * Makes them state topics: the newest event of each is its state, which is kept until another one replaces it or
   * `EventBus.remove()` takes it away. Older ones are not promised. Excludes `retention`. Default: `false`.
   */
  readonly state?: boolean;
  /** For state topics: how long a state is there, in milliseconds. After that it is removed. Default: for ever. */
  readonly ttl?: number;
  /**
   * For state topics: how long a removal is remembered, in milliseconds. A client that was away for longer is told of a gap.
   * Default: 3,600,000 (one hour).
   */
  readonly tombstones?: number;
}

const defaultTombstones = 3_600_000;

/** The rules of an application's topics, and what holds where none of them matches. */
export class TopicRules implements RetentionRules {
  /** Topics with the same rule share one object: the window keeps the events of each apart. */
  private readonly retentions: readonly { readonly pattern: string; readonly retention: TopicRetention }[];
  readonly state?: StateRules;

  constructor(
    private readonly rules: readonly TopicRule[],
    private readonly retention: Retention,
    stateBytes = Infinity,
  ) {
    this.retentions = rules.map((rule) => ({
      pattern: rule.pattern,
      retention: rule.state ? stateRetentionOf(rule) : { ...retention, ...rule.retention },
    }));
    if (rules.some(({ state }) => state))
      this.state = { bytes: stateBytes, among: (pattern) => this.stateAmong(pattern) };
  }

  of(topic: string): TopicRetention {
    return this.retentions.find((rule) => covers(rule.pattern, topic))?.retention ?? this.retention;
  }

  get largest(): Retention {
    const others = this.retentions.flatMap(({ retention }) => (retention.state ? [] : [retention]));
    const all = [this.retention, ...others];
    return {
      events: Math.max(...all.map(({ events }) => events)),
      age: Math.max(...all.map(({ age }) => age)),
    };
  }

  slowPolicyOf(pattern: string): SlowPolicy {
    return this.rules.find((rule) => covers(rule.pattern, pattern))?.slow ?? 'gap';
  }

  private stateAmong(pattern: string): 'all' | 'some' | 'none' {
    const found = new Set<boolean>();
    const coversAll = this.retentions.some((rule) => {
      if (overlaps(rule.pattern, pattern)) found.add(rule.retention.state !== undefined);
      return covers(rule.pattern, pattern);
    });
    if (!coversAll) found.add(false);
    return !found.has(true) ? 'none' : found.has(false) ? 'some' : 'all';
  }
}

function stateRetentionOf({ pattern, tombstones = defaultTombstones }: TopicRule): TopicRetention {
  return { events: 1, age: Infinity, state: { pattern, tombstones } };
}
