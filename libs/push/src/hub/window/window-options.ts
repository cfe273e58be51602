import type { TopicRetention } from '../../contracts/retention.js';

/** The bounds of a window. */
export interface WindowOptions {
  /** How much of a topic is kept. It returns the same object for topics with the same rule. */
  readonly retentionOf: (topic: string) => TopicRetention;
  /** Bound on the memory of all retained events together, in bytes. */
  readonly bytes: number;
  /** How much of it the events of one publisher may take, in bytes; beyond it, its own oldest go. Default: all. */
  readonly bytesPerPublisher?: number;
  /** How many topics without retained events are still known one by one. */
  readonly emptyTopics: number;
  /** A clock in milliseconds, for tests. Default: a monotonic one, which a change of the system's time does not move. */
  readonly now?: () => number;
}
