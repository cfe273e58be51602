import type {
  Retention,
  RetentionRules,
  StateRetention,
  StateRules,
  TopicRetention,
} from '../contracts/retention.js';
import type { PresenceOptions } from '../contracts/presence.js';
import { ownedRules } from '../contracts/reserved.js';
import { covers, overlaps } from '../contracts/topic.js';

/**
 * What happens to a client that reads so slowly that events are gone before they were written to it. With all but
 * `disconnect`, it gets a gap notice first.
 *
 * - `gap`: it continues with the oldest events that are retained.
 * - `latest`: it continues with the newest event of each topic.
 * - `disconnect`: its connection ends with `TOO_SLOW`.
 */
export type SlowPolicy = 'gap' | 'disconnect' | 'latest';

/** A rule for the topics that match `pattern`. Of several rules that match a topic, the first holds. */
export interface TopicRule {
  /** A topic, or a pattern with wildcards: `orders.*`, `orders.>`. */
  readonly pattern: string;
  /** How much of each of the topics is kept. Default: the `retention` of the module. */
  readonly retention?: Partial<Retention>;
  /** What happens to clients that read these topics too slowly. Default: `gap`. */
  readonly slow?: SlowPolicy;
  /**
   * Makes them state topics: the newest event of each is its state, which is kept until another one replaces it or
   * `EventBus.remove()` takes it away. Older ones are not promised. Excludes `retention`. Default: `false`.
   */
  readonly state?: boolean;
  /**
   * Makes them finite topics: each can be ended (`EventBus.end()`, `publish()` with `end: true`, `Runs`). After its end nothing can
   * be published to it, and its readers are told. Excludes `state`. Default: `false`.
   */
  readonly finite?: boolean;
  /**
   * For state topics: how long a state is there, in milliseconds. After that it is removed. Default: for ever.
   *
   * For finite topics: how long the end of a topic is remembered, in milliseconds, with the data that it has; never less than
   * `retention.age`. After that, the topic can begin again. Default: 86,400,000 (one day).
   */
  readonly ttl?: number;
  /**
   * For state and finite topics: how long a removal is remembered, in milliseconds. A client that was away for longer is told
   * of a gap. Default: 3,600,000 (one hour).
   */
  readonly tombstones?: number;
  /**
   * Whether the application knows who reads these topics: `EventBus.presence()`, and `$presence.<topic>.>` for clients. `true`
   * takes the defaults of {@link PresenceOptions}. Default: `false`.
   */
  readonly presence?: boolean | PresenceOptions;
}

const defaultTombstones = 3_600_000;
const defaultEndTtl = 86_400_000;

/** Answers which rule holds for a topic, and what holds for a topic without a rule. */
export class TopicRules implements RetentionRules {
  /** Topics with the same rule get the same object, by which the window knows that their events expire in one order. */
  private readonly retentions: readonly { readonly pattern: string; readonly retention: TopicRetention }[];
  readonly state?: StateRules;
  readonly hasEnds: boolean;

  /**
   * @param retention for the topics that no rule matches
   * @param hasGroups whether the application has groups of handlers
   */
  constructor(
    private readonly rules: readonly TopicRule[],
    private readonly retention: Retention,
    stateBytes = Infinity,
    hasGroups = false,
  ) {
    const own = rules.map((rule) => ({
      pattern: rule.pattern,
      retention: retentionOf(rule, retention),
    }));
    this.hasEnds = rules.some(({ finite }) => finite);
    this.retentions = [...ownedRules(rules, hasGroups).map(ownedRetentionOf), ...own];
    const states = this.retentions.flatMap(({ retention: { state } }) => state ?? []);
    if (states.length > 0)
      this.state = { rules: states, bytes: stateBytes, among: (pattern) => this.stateAmong(pattern) };
  }

  of(topic: string): TopicRetention {
    return this.retentions.find((rule) => covers(rule.pattern, topic))?.retention ?? this.retention;
  }

  get largest(): Retention {
    const others = this.retentions.flatMap(({ retention }) => (retention.state ? [] : [retention]));
    const all: TopicRetention[] = [this.retention, ...others];
    const ages = all.map(({ age, ends }) => Math.max(age, ends?.ttl ?? 0, ends?.tombstones ?? 0));
    return { events: Math.max(...all.map(({ events }) => events)), age: Math.max(...ages) };
  }

  /** Of a pattern, the policy of the first rule that covers all of it. */
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

/** @param all what holds for topics without a rule */
function retentionOf(rule: TopicRule, all: Retention): TopicRetention {
  if (rule.state) return stateRetentionOf(rule);
  const own = { ...all, ...rule.retention };
  if (!rule.finite) return own;
  const { ttl = defaultEndTtl, tombstones = defaultTombstones } = rule;
  return { ...own, ends: { ttl: Math.max(ttl, own.age), tombstones } };
}

function stateRetentionOf({ pattern, tombstones = defaultTombstones, ttl }: TopicRule): TopicRetention {
  return { events: 1, age: Infinity, state: { pattern, tombstones, ttl } };
}

function ownedRetentionOf(state: StateRetention) {
  return { pattern: state.pattern, retention: { events: 1, age: Infinity, state } };
}
