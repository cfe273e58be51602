import type { LogEvent } from '../contracts/event.js';

/** A kind of thing that nodes own in the log: members of topics, or runs. `NodeLease` calls it, for all of its topics. */
export interface OwnedKind {
  /** The topics of all that nodes own of this kind. */
  readonly pattern: string;
  /** The newest event of each topic follows, then `opened`: at the start, in another log, and after something was lost. */
  reopen(): void;
  /** Takes the next event of one of the topics, in log order. */
  take(event: LogEvent): void;
  /** All that the log has was taken. */
  opened(): void;
  /** Whether the log has anything that this incarnation owns, as far as this node has read it. */
  owns(incarnation: string): boolean;
  /**
   * The lease of another incarnation has lapsed: takes over what it owns, by `expect`. If the promise rejects, a survivor tries again
   * after the time of one more lease.
   *
   * @param silence for how many milliseconds nothing has come of that node
   */
  onLapsed(incarnation: string, silence: number): Promise<void>;
  /** This node has a new incarnation. Other nodes may have taken over what it owned. */
  onLost(): void;
  /**
   * The node shuts down: nothing is written after the promise has settled.
   *
   * @param isLast no other node would take over what this one leaves
   */
  close(isLast: boolean): Promise<void>;
}
