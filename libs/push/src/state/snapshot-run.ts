import type { Position } from '../contracts/position.js';
import type { Snapshot, SnapshotReader } from '../contracts/snapshot.js';
import type { PushError } from '../contracts/errors.js';
import type { SnapshotMethod } from './snapshot-methods.js';

/** A connection that waits for a snapshot. */
export interface SnapshotWaiter {
  readonly reader: SnapshotReader;
  readonly done: (result: Snapshot | PushError) => void;
}

/** One call of a `@PushSnapshot()` method, and those who wait for it. */
export class SnapshotRun {
  readonly waiters = new Set<SnapshotWaiter>();
  readonly controller = new AbortController();
  /** Where the log was right before the method was called. */
  position: Position | undefined;

  /** Its turns are taken. */
  readonly client: object;

  /** @param first who asked first */
  constructor(
    readonly topic: string,
    readonly method: SnapshotMethod,
    private readonly first: SnapshotReader,
  ) {
    this.client = first.budget ?? first;
  }

  get principal(): SnapshotReader['principal'] {
    return this.method.shared ? undefined : this.first.principal;
  }

  /** The connection that it is for; `undefined` if it is for several. */
  get connection(): string | undefined {
    return this.method.shared ? undefined : this.first.id;
  }

  /** Whether another connection may wait for it that needs a state as of `since` or later. */
  serves(head: Position | undefined, since: number): boolean {
    const { position } = this;
    return !position || (position.epoch === head?.epoch && position.sequence >= since);
  }

  /** Hands the result to all who wait. */
  settle(result: Snapshot | PushError): void {
    const waiters = [...this.waiters];
    this.waiters.clear();
    for (const { reader, done } of waiters) {
      if ('event' in result) reader.budget?.spend(result.event.data.length / bytesPerUnit);
      done(result);
    }
  }
}

/** How many bytes of a snapshot cost one unit of work. */
const bytesPerUnit = 16;
