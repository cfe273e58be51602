/** How many of a topic's past events are kept. */
export interface Retention {
  /** The number of newest events kept; a backplane may keep more. With 0 the topic is live only: a client that missed events gets a gap. */
  readonly events: number;
  /** How long each is kept, in milliseconds. */
  readonly age: number;
}

/** What is promised for one topic. */
export interface TopicRetention extends Retention {
  /** Present for a state topic: its newest event is kept, however old; `events` is 1 then, and `age` infinite. */
  readonly state?: StateRetention;
  /** Present for a finite topic: it can end, and is remembered for a while after that. Never beside `state`. */
  readonly ends?: EndRetention;
}

/** What is promised for a finite topic besides its events. */
export interface EndRetention {
  /** How long its end is kept, in milliseconds, whatever `events` and `age` say: never less than `age`. */
  readonly ttl: number;
  /** How long a removal is kept when it is the topic's newest event, in milliseconds. */
  readonly tombstones: number;
}

/** What is promised for a state topic besides its newest event. */
export interface StateRetention {
  /** The pattern of the rule that makes it one. */
  readonly pattern: string;
  /** How long a removal is kept when it is the topic's newest event, in milliseconds. */
  readonly tombstones: number;
  /** How long a state lasts, in milliseconds, before a node removes it. A backplane need not do anything for it. */
  readonly ttl?: number;
}

/** What the rules say about state, if any of them does. */
export interface StateRules {
  /** The rules that make state topics, in the order in which they hold. */
  readonly rules: readonly StateRetention[];
  /** Whether the topics that match a pattern are state topics. */
  among(pattern: string): 'all' | 'some' | 'none';
  /** The most bytes that all state topics may take in the memory of a node. */
  readonly bytes: number;
}

/** The application's rules, as a backplane that keeps a history needs them. */
export interface RetentionRules {
  /** What is promised for a topic. */
  of(topic: string): TopicRetention;
  /**
   * The most that any topic is promised that is no state topic, ends and removals included: for stores that know one bound for
   * all topics.
   */
  readonly largest: Retention;
  /** Whether a rule makes finite topics. Default: `false`. */
  readonly hasEnds?: boolean;
  /** Present if the application has state topics. */
  readonly state?: StateRules;
}
