/** How much of a topic's past is kept. */
export interface Retention {
  /** The newest events kept; a backplane may keep more. 0 keeps nothing: the topic is live only, and whoever missed something is told. */
  readonly events: number;
  /** How long each is kept, in milliseconds. */
  readonly age: number;
}

/**
 * What is kept of a state topic besides its newest event, which is its state, whatever its age. An event that a newer one of
 * its topic displaces is not lost: no reader wants it any more.
 */
export interface StateRetention {
  /** How long a removal (`meta.removed`) is kept, in milliseconds. When it is dropped, that counts as a lost event. */
  readonly tombstones: number;
}

/** What is promised for one topic. */
export interface TopicRetention extends Retention {
  /** Set for state topics. `events` is then 1, and `age` is infinite. */
  readonly state?: StateRetention;
}

/** The application's rules, as a backplane that keeps a history needs them. */
export interface RetentionRules {
  /** What is promised for a topic. */
  of(topic: string): TopicRetention;
  /** The most that any topic is promised, state topics aside: for stores that know one bound for all topics. */
  readonly largest: Retention;
  /** Whether there are state topics. */
  readonly hasState: boolean;
}
