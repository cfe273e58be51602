/** How much of a topic's past is kept. */
export interface Retention {
  /** The newest events kept; a backplane may keep more. 0 keeps nothing: the topic is live only, and whoever missed something is told. */
  readonly events: number;
  /** How long each is kept, in milliseconds. */
  readonly age: number;
}

/** The application's rules, as a backplane that keeps a history needs them. */
export interface RetentionRules {
  /** What is promised for a topic. */
  of(topic: string): Retention;
  /** The most that any topic is promised: for stores that know one bound for all topics. */
  readonly largest: Retention;
}
