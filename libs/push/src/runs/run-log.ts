import type { EventBus } from '../bus/event-bus.js';
import { PushError } from '../contracts/errors.js';
import type { NodeLease } from '../state/node-lease.js';
import type { OwnState } from './own-state.js';
import { retried } from './retried.js';
import { chunkMeta, endedRunOf, runEndMeta } from './run-events.js';
import type { RunWatch } from './run-watch.js';
import type { RunReason } from './run.js';

/** What the events of a run are stored by. */
export interface RunLogContext {
  readonly bus: EventBus;
  readonly lease: Pick<NodeLease, 'isHeld' | 'held'>;
  readonly watch: RunWatch;
  readonly state: OwnState;
  /** The id of the run, and the type of its events. */
  readonly id: string;
  readonly type: string | undefined;
  /** Aborted when the run ends before its source: what is not stored by then is given up. */
  readonly signal: AbortSignal;
}

/** An event of a run, and which it is. */
interface Numbered {
  readonly chunk: unknown;
  readonly number: number;
}

/**
 * Stores what a run writes: its events, each once and in order whatever happens to the log, then its end. That no backplane has to
 * remember a message id for each event, they are counted: after a failure the log itself says which of them it has.
 */
export class RunLog {
  /** How many events there were. */
  private count = 0;

  constructor(private readonly context: RunLogContext) {}

  /**
   * Stores events in order, and resolves when they are stored, or the run ends.
   *
   * @throws PushError what they cannot be published for; `ENDED` when the topic has ended
   */
  async store(chunks: readonly unknown[]): Promise<void> {
    const { signal, lease, watch } = this.context;
    let left: readonly Numbered[] = chunks.map((chunk) => ({ chunk, number: this.count++ }));
    // After a pause others may have ended the topic; and it may have begun again since.
    if (!lease.isHeld) await retried(() => lease.held(), signal);
    if (watch.wasForgotten || (signal.aborted && !lease.isHeld)) return;
    while (left.length > 0) {
      const failure = await this.publish(left);
      if (!failure || signal.aborted) return;
      const newest = await this.newest();
      left = left.filter(({ number }) => number > newest);
    }
  }

  /**
   * Ends the topic. Resolves with the reason that holds: the first end wins.
   *
   * @throws PushError for a result that cannot be published; `CLOSED`
   */
  async end(reason: RunReason, result?: unknown): Promise<RunReason> {
    const { bus, watch, id, type } = this.context;
    if (watch.end) return endedRunOf(watch.end).reason;
    const options = { reason, meta: runEndMeta(id), ...(result !== undefined && { result, type }) };
    try {
      await retried(() => bus.end(watch.topic, options));
      return reason;
    } catch (error) {
      if (!hasEnded(error)) throw error;
    }
    // A failed attempt may have stored it, or another node has.
    return endedRunOf(await watch.untilEnded()).reason;
  }

  /** Publishes events in one batch. Resolves with why they may not be stored, unless they are. @throws PushError why they never will */
  private async publish(events: readonly Numbered[]): Promise<PushError | undefined> {
    const { bus, watch, type } = this.context;
    const results = await Promise.allSettled(
      events.map(({ chunk, number }) =>
        bus.publishPart(watch.topic, chunk, { type, meta: chunkMeta(number) }),
      ),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (!failed) return undefined;
    const error: unknown = failed.reason;
    if (error instanceof PushError && error.retryable && error.code !== 'CLOSED') return error;
    throw error;
  }

  /**
   * The number of the newest event that is stored. What this node has sent before is stored, or never will be, when the state of the
   * run is stored once more.
   */
  private async newest(): Promise<number> {
    const { state, watch, signal } = this.context;
    const id = await retried(() => state.write(), signal);
    // It was taken over, or it ends.
    if (id === undefined) return Infinity;
    await retried(() => watch.reached(id), signal);
    if (watch.hasHole)
      throw new PushError('UNAVAILABLE', `An event of ${watch.topic} was not stored, and a later one was.`);
    return watch.number ?? -1;
  }
}

/** Whether nothing can be published to a topic any more. */
export function hasEnded(error: unknown): boolean {
  return error instanceof PushError && error.code === 'ENDED';
}
