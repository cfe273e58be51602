/** What a method has done with events since this node has started. Metrics read it. */
export class HandlerCounts {
  /** Calls that have succeeded: events that are handled. */
  handled = 0;
  /** Calls that have failed. */
  failed = 0;
  /** Calls with an event that had failed before. */
  retried = 0;

  /** @param group `undefined` for a method that every node calls */
  constructor(
    readonly handler: string,
    readonly group: string | undefined,
  ) {}
}

/** What this node has in a group, and what the log says of it. */
export interface GroupReading {
  readonly group: string;
  /** Events that this node has read for it, and that are not done. */
  readonly waiting: number;
  /** The partitions that this node has. */
  readonly partitions: number;
  /** The dead letters of the group, on all nodes. */
  readonly deadLetters: number;
}
